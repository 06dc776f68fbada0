/** What tests of the client have in common: the device side of a server, whose answers the test chooses, over a real network. */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach } from 'vitest'
import { type Client, createClient, type Transport } from '../src/core/client.ts'
import { adoptSettings, type Store } from '../src/core/state.ts'
import { createLock } from '../src/mobile/runtime.ts'
import { memoryStore } from './memory-store.ts'

export interface Heard {
  readonly path: string
  readonly authorization: string | undefined
  readonly request: Readonly<Record<string, unknown>>
}

interface Answer {
  readonly status: number
  readonly body: string
  readonly retryAfter?: string
}

let server: Server
/** All that came; a test may empty it. */
export const heard: Heard[] = []
/** Answers by method; a method that is not here succeeds. */
export const answers = new Map<string, Answer>()
/** Their answers wait. */
export const holding = new Map<string, Promise<void>>()
/** Of the device. */
export const clock = { now: 0 }

/** A new server for each test. */
export function inDeviceHouse(): void {
  beforeEach(async () => {
    heard.length = 0
    answers.clear()
    holding.clear()
    clock.now = 1_800_000_000_000
    server = await listen(0)
  })
  afterEach(goAway)
}

/** Nobody answers. */
export async function goAway(): Promise<void> {
  if (server.listening) await new Promise(resolve => server.close(resolve))
}

/** Gives back how to come back, at the same place. */
export async function leave(): Promise<() => Promise<void>> {
  const { port } = server.address() as AddressInfo
  await goAway()
  return async () => {
    server = await listen(port)
  }
}

export function ok(response: unknown): Answer {
  return { status: 200, body: JSON.stringify({ status_code: 200, status_message: 'OK', response }) }
}

export function makeClient(): { client: Client; store: Store } {
  const { port } = server.address() as AddressInfo
  const baseUrl = `http://127.0.0.1:${port}`
  const settings = { baseUrl, application: 'AAAAA-BBBBB', deviceToken: 'secret-token', appVersion: '2.1' }
  const store = memoryStore(adoptSettings(undefined, settings, () => '1'))
  const client = createClient({
    store,
    transport,
    lock: createLock(),
    now: () => clock.now,
    facts: () => ({
      deviceType: 12,
      deviceModel: 'Firefox 153',
      osVersion: 'Linux',
      language: 'en',
      timezoneSeconds: 3600,
      timeZone: 'Europe/Berlin',
    }),
  })
  return { client, store }
}

const transport: Transport = async ({ url, headers, body = '' }) => {
  const answer = await fetch(url, { method: 'POST', headers: { ...headers, connection: 'close' }, body })
  const retryAfter = answer.headers.get('retry-after')
  return { status: answer.status, body: await answer.text(), retryAfter }
}

function headersOf({ retryAfter }: Answer): Record<string, string> {
  return retryAfter === undefined ? {} : { 'retry-after': retryAfter }
}

async function listen(port: number): Promise<Server> {
  const listening = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const body = JSON.parse(Buffer.concat(chunks).toString()) as Pick<Heard, 'request'>
      const path = request.url ?? ''
      heard.push({ path, authorization: request.headers.authorization, request: body.request })
      const method = path.slice('/json/1.3/'.length)
      const answer = answers.get(method) ?? ok(null)
      void (holding.get(method) ?? Promise.resolve()).then(() =>
        response.writeHead(answer.status, headersOf(answer)).end(answer.body),
      )
    })
  })
  await new Promise<void>(resolve => listening.listen(port, '127.0.0.1', resolve))
  return listening
}
