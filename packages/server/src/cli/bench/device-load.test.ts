/** The callers of `roost bench register` against a real server over loopback: what they count, and when they end. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { registrationsOf } from './device-calls.ts'
import { DeviceLoad, type LoadResult } from './device-load.ts'

const SUCCESS = '{"status_code":200,"status_message":"OK","response":null}'

interface Told {
  readonly hwids: string[]
  connections: number
}

/** `answer` gets the request when its body has arrived. */
async function startServer(
  answer: (reply: ServerResponse, n: number, request: IncomingMessage) => void,
): Promise<Told & { readonly port: number; readonly server: Server }> {
  const told: Told = { hwids: [], connections: 0 }
  const server = createServer((request, reply) => {
    let body = ''
    request.on('data', (chunk: Buffer) => {
      body += chunk.toString()
    })
    request.on('end', () => {
      told.hwids.push((JSON.parse(body) as { request: { hwid: string } }).request.hwid)
      answer(reply, told.hwids.length, request)
    })
  })
  server.on('connection', () => told.connections++)
  await once(server.listen(0, '127.0.0.1'), 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return Object.assign(told, { port: (server.address() as AddressInfo).port, server })
}

const CALLS = { host: 'roost', app: 'AAAAA-AAAAA', deviceToken: 'token', first: 0 }

function load(port: number, options: { count: number; connections?: number; perSecond?: number }) {
  const requestOf = registrationsOf({ ...CALLS, count: options.count })
  const common = { host: '127.0.0.1', port, connections: 4, requestOf, withinMs: 10_000 }
  return new DeviceLoad({ ...common, ...options })
}

const figures = ({ answered, refused, lost }: LoadResult) => ({ answered, refused, lost })

test('each device calls once, over as many connections as were asked for', async () => {
  const server = await startServer(reply => reply.end(SUCCESS))
  const result = await load(server.port, { count: 200 }).run()
  expect(figures(result)).toEqual({ answered: 200, refused: 0, lost: 0 })
  expect(new Set(server.hwids).size).toBe(200)
  expect(server.connections).toBe(4)
  expect(result.latenciesMs).toHaveLength(200)
  expect(result.latenciesMs.every(ms => ms > 0)).toBe(true)
})

test.each([1, 2, 3, 10, 1000, 1024, 4181])('in another order, each of %i devices still calls once', count => {
  const inOrder = registrationsOf({ ...CALLS, count })
  const shuffled = registrationsOf({ ...CALLS, count, isShuffled: true })
  const calls = (requestOf: (n: number) => string) => Array.from({ length: count }, (_, n) => requestOf(n))
  expect(new Set(calls(shuffled))).toEqual(new Set(calls(inOrder)))
  if (count >= 10) expect(calls(shuffled)).not.toEqual(calls(inOrder))
})

test.each([
  ['another HTTP status', 503, SUCCESS],
  ['a status_code that tells of a fault', 200, '{"status_code":210,"status_message":"no","response":null}'],
])('an answer with %s counts as refused, and the first one is shown', async (_what, status, body) => {
  const server = await startServer((reply, n) => {
    if (n === 3) reply.writeHead(status).end(body)
    else reply.end(SUCCESS)
  })
  const result = await load(server.port, { count: 10 }).run()
  expect(figures(result)).toEqual({ answered: 10, refused: 1, lost: 0 })
  expect(result.firstRefusal).toContain(body)
})

test('an answer in pieces is one answer', async () => {
  const server = await startServer(reply => {
    reply.writeHead(200, { 'content-length': SUCCESS.length })
    reply.write(SUCCESS.slice(0, 20))
    setImmediate(() => reply.end(SUCCESS.slice(20)))
  })
  expect(figures(await load(server.port, { count: 20 }).run())).toEqual({ answered: 20, refused: 0, lost: 0 })
})

test('calls on lost connections are lost, the others go on, and without any the run ends', async () => {
  const server = await startServer((reply, n, request) => {
    if (n > 5) request.socket.destroy()
    else reply.end(SUCCESS)
  })
  expect(figures(await load(server.port, { count: 100 }).run())).toEqual({
    answered: 5,
    refused: 0,
    lost: 95,
  })
})

test('at a given rate a call is timed from when it was due, also when no connection was free', async () => {
  const held: ServerResponse[] = []
  const server = await startServer((reply, n) => {
    if (n > 1) reply.end(SUCCESS)
    else {
      held.push(reply)
      setTimeout(() => held[0]?.end(SUCCESS), 200)
    }
  })
  const result = await load(server.port, { count: 20, connections: 1, perSecond: 1000 }).run()
  expect(figures(result)).toEqual({ answered: 20, refused: 0, lost: 0 })
  expect(result.seconds).toBeLessThan(5)
  expect(Math.min(...result.latenciesMs)).toBeGreaterThan(150) // all of them waited for the first one
})

test('a server that is not there is told', async () => {
  const { port, server } = await startServer(() => undefined)
  server.close()
  await once(server, 'close')
  await expect(load(port, { count: 1 }).run()).rejects.toThrow('ECONNREFUSED')
})
