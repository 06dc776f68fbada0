/**
 * What a browser brings and an app's JavaScript runtime may not: locks, random names, calls that end in time.
 *
 * Hermes, React Native's engine, has neither `crypto` nor `AbortSignal.timeout` nor `navigator.locks`; it has `fetch`, `AbortController`,
 * `WebSocket` and `Intl`.
 */
import type { Lock, Transport } from '../core/client.ts'
import { RoostError } from '../core/error.ts'
import { createQueue } from './key-value-store.ts'

export const transport: Transport = async ({ method = 'POST', url, headers, body, timeoutMs }) => {
  const abort = new AbortController()
  const timer = setTimeout(() => abort.abort(), timeoutMs)
  try {
    const answer = await fetch(url, {
      method,
      headers: { ...headers },
      ...(body !== undefined && { body }),
      signal: abort.signal,
    })
    const retryAfter = answer.headers.get('retry-after')
    return { status: answer.status, body: await answer.text(), retryAfter }
  } finally {
    clearTimeout(timer)
  }
}

/** An app is one runtime: what may not run at the same time waits in a queue of its name. */
export function createLock(): Lock {
  const queues = new Map<string, { readonly run: ReturnType<typeof createQueue>; waiting: number }>()
  return async (name, work) => {
    const queue = queues.get(name) ?? { run: createQueue(), waiting: 0 }
    queues.set(name, queue)
    queue.waiting++
    try {
      return await queue.run(work)
    } finally {
      if (--queue.waiting === 0) queues.delete(name) // names of messages are many
    }
  }
}

/**
 * The name of a device opens its inbox, so it must not be guessed: `Math.random` is not enough.
 * Throws RoostError `unsupported`.
 */
export function randomUuid(): string {
  const { crypto } = globalThis as { readonly crypto?: Partial<Crypto> }
  if (crypto?.randomUUID !== undefined) return crypto.randomUUID()
  if (crypto?.getRandomValues !== undefined) return uuidOf(crypto.getRandomValues(new Uint8Array(16)))
  throw new RoostError(
    'unsupported',
    'This runtime has no secure randomness: import react-native-get-random-values first, or give `makeUuid`',
  )
}

/** Version 4. Source: RFC 9562 §5.4. */
export function uuidOf(random: Uint8Array): string {
  const bytes = [...random]
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80
  const hex = bytes.map(it => it.toString(16).padStart(2, '0')).join('')
  return [0, 8, 12, 16, 20].map((from, at, all) => hex.slice(from, all[at + 1])).join('-')
}
