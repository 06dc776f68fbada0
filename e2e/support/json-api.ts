/**
 * The device side of a Roost server as an SDK sees it, with a hand on every answer: for tests of what the SDK
 * does when a server is away, forgets a device or changes its key. Whole-path tests use the real server.
 */
import { createECDH } from 'node:crypto'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface DeviceCall {
  readonly method: string
  readonly authorization: string | undefined
  readonly request: Readonly<Record<string, unknown>>
}

/** As it was handed in. */
export interface HandedIn {
  readonly address?: string
  readonly findings: readonly { readonly code: string }[]
}

export interface JsonApi {
  readonly baseUrl: string
  /** Self-checks. */
  readonly handedIn: readonly HandedIn[]
  /** Those that were answered with success. */
  readonly calls: readonly DeviceCall[]
  readonly failed: readonly DeviceCall[]
  callsOf(method: string): readonly DeviceCall[]
  /** Sends with another VAPID key from now on. */
  rotateVapidKey(): void
  /** What `checkDevice` says from now on. */
  knowsDevice: boolean
  /** Methods that answer 500 while they are in here. */
  readonly failing: Set<string>
  close(): Promise<void>
}

export async function startJsonApi(): Promise<JsonApi> {
  let vapidKey = makeVapidKey()
  const calls: DeviceCall[] = []
  const failed: DeviceCall[] = []
  const failing = new Set<string>()
  const handedIn: HandedIn[] = []

  const answer = (method: string): object | null => {
    if (method === 'getConfig') return { features: { vapid_key: vapidKey } }
    if (method === 'checkDevice') return { exist: true, push_token_exist: api.knowsDevice }
    return null
  }
  const envelope = (method: string): string =>
    JSON.stringify({ status_code: 200, status_message: 'OK', response: answer(method) })
  const record = (call: DeviceCall): number => {
    const fails = failing.has(call.method)
    ;(fails ? failed : calls).push(call)
    return fails ? 500 : 200
  }

  const server = createServer((incoming, response) => {
    response.setHeader('access-control-allow-origin', incoming.headers.origin ?? '*')
    response.setHeader('access-control-allow-headers', 'authorization,content-type')
    response.setHeader('access-control-allow-methods', 'POST,PUT')
    if (incoming.method === 'OPTIONS') response.writeHead(204).end()
    else if (incoming.method === 'GET')
      response.writeHead(404).end() // no inbox and no live channel here
    else if (incoming.method === 'PUT')
      void readBody<HandedIn>(incoming).then(body => {
        handedIn.push(body)
        response.writeHead(200).end(JSON.stringify({ isKept: true, findings: [OF_SERVER] }))
      })
    else void readCall(incoming).then(call => response.writeHead(record(call)).end(envelope(call.method)))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))

  const api: JsonApi = {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    handedIn,
    calls,
    failed,
    callsOf: method => calls.filter(call => call.method === method),
    rotateVapidKey() {
      vapidKey = makeVapidKey()
    },
    knowsDevice: true,
    failing,
    async close() {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    },
  }
  return api
}

function makeVapidKey(): string {
  return createECDH('prime256v1').generateKeys('base64url')
}

/** What the server finds of any device. */
const OF_SERVER = { code: 'device_registered', verdict: 'good', values: {}, remedy: null }

async function readBody<T>(incoming: IncomingMessage): Promise<T> {
  const chunks: Buffer[] = []
  for await (const chunk of incoming) chunks.push(chunk as Buffer)
  return JSON.parse(Buffer.concat(chunks).toString()) as T
}

async function readCall(incoming: IncomingMessage): Promise<DeviceCall> {
  const body = await readBody<Pick<DeviceCall, 'request'>>(incoming)
  const method = (incoming.url ?? '').replace('/json/1.3/', '')
  return { method, authorization: incoming.headers.authorization, request: body.request }
}
