/**
 * Server-sent events for those who look on at an app. A stream remembers what it has told and tells the difference to what is known when its
 * reader takes more: a slow one gets fewer events and the same end, and nothing is kept for it. One that takes nothing for long is cut.
 *
 * Source: WHATWG HTML, "Server-sent events".
 */
import { PushError } from '@roost/protocol'
import { type Item, type Picture, wholeOf } from '../../../insight/overview/picture.ts'
import type { Watch } from './watch.ts'

/** Proxies cut what is silent for a minute. */
const ALIVE_EVERY_MS = 15_000
const STALLED_AFTER_MS = 30_000
/** Of this process: a connection and some kilobytes each. */
const STREAMS_MAX = 500
/** A tab each; a script that forgets its streams meets this first. */
const STREAMS_PER_PERSON = 20
const RETRY_AFTER_SECONDS = 5

export interface Listening {
  readonly appId: number
  /** Whose streams are counted together. */
  readonly person: string
  /** Asked after each look: whether who has opened the stream may still see what it tells. */
  readonly isAllowed: () => Promise<boolean>
  /** Aborted when the reader is gone or the server stops: a generator that waits hears of nothing else. */
  readonly over: AbortSignal
  /** Ends a connection whose reader takes nothing. */
  readonly cut: () => void
}

export interface StreamsOptions {
  /** Default 15 000. */
  readonly aliveEveryMs?: number
  /** Default 30 000. */
  readonly stalledAfterMs?: number
}

export class LiveStreams {
  readonly #watch: Watch
  readonly #options: StreamsOptions
  readonly #open = new Map<string, number>()

  constructor(watch: Watch, options: StreamsOptions = {}) {
    this.#watch = watch
    this.#options = options
  }

  /** How many there are. */
  get size(): number {
    return [...this.#open.values()].reduce((sum, it) => sum + it, 0)
  }

  /** Throws `rate_limited` at once. The stream counts from now on, until its generator has ended; it has to be read. */
  open(listening: Listening): AsyncGenerator<string> {
    const own = this.#open.get(listening.person) ?? 0
    if (own >= STREAMS_PER_PERSON) refuse(`${STREAMS_PER_PERSON} streams of yours are open on this server`)
    if (this.size >= STREAMS_MAX) refuse(`${STREAMS_MAX} streams are open on this server`)
    this.#open.set(listening.person, own + 1)
    const leave = this.#watch.join(listening.appId)
    let isOver = false
    const end = () => {
      if (isOver) return
      isOver = true
      leave()
      const left = (this.#open.get(listening.person) ?? 1) - 1
      if (left > 0) this.#open.set(listening.person, left)
      else this.#open.delete(listening.person)
    }
    // One that nobody has begun to read has no `finally` of its own.
    if (listening.over.aborted) end()
    else listening.over.addEventListener('abort', end, { once: true })
    return this.#events(listening, end)
  }

  async *#events({ appId, isAllowed, over, cut }: Listening, end: () => void): AsyncGenerator<string> {
    const { aliveEveryMs = ALIVE_EVERY_MS, stalledAfterMs = STALLED_AFTER_MS } = this.#options
    try {
      let told: Picture | undefined
      let toldAt = performance.now()
      while (!over.aborted && (await isAllowed())) {
        const picture = this.#watch.pictureOf(appId)
        const isSilent = performance.now() - toldAt >= aliveEveryMs
        const text = describeChange(told, picture) || (isSilent ? ': \n\n' : '')
        if (text !== '') {
          const stalled = setTimeout(cut, stalledAfterMs)
          yield text
          clearTimeout(stalled)
          told = picture ?? told
          toldAt = performance.now()
        }
        await this.#watch.looked(over)
      }
    } finally {
      end()
    }
  }
}

function refuse(what: string): never {
  throw new PushError('rate_limited', `${what}; that is the most`, { retryAfterSeconds: RETRY_AFTER_SECONDS })
}

/** '' when there is none. */
export function describeChange(told: Picture | undefined, now: Picture | undefined): string {
  if (now === undefined || now === told) return ''
  if (told === undefined) return eventOf('picture', JSON.stringify(wholeOf(now)))
  const changed = [...now].filter(([key, item]) => told.get(key)?.text !== item.text)
  const gone = [...told].filter(([key]) => !now.has(key))
  return [
    ...changed.map(([, { kind, text }]) => eventOf(kind, text)),
    ...gone.map(([, { kind, id }]) => eventOf('gone', JSON.stringify({ kind, id }))),
  ].join('')
}

/** JSON has no line breaks of its own. */
function eventOf(name: Item['kind'] | 'picture' | 'gone', json: string): string {
  return `event: ${name}\ndata: ${json}\n\n`
}
