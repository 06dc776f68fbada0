/** Connections and calls above a limit, over real sockets. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { PushError } from '@roost/protocol'
import fastify from 'fastify'
import { afterEach, expect, test } from 'vitest'
import { limitCallsInHand, limitConnections } from './connections.ts'
import { sendProblem } from './problem.ts'

const closers: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

/** A client at 127.0.0.N counts as one at 198.51.100.N, for the real one would be a tool of ours. */
async function listening(options: {
  limit: number
  trustedProxies?: string[]
  isOwn?: boolean
}): Promise<number> {
  const server = createServer((_request, response) => response.end('served'))
  // as live/route.ts does with an offer that is none of the channel
  server.on('upgrade', (_request, socket) => {
    socket.unshift('GET / HTTP/1.1\r\nhost: x\r\n\r\n')
    server.emit('connection', socket)
  })
  limitConnections(server, {
    connectionsPerClient: options.limit,
    trustedProxies: options.trustedProxies ?? [],
    addressOf: ({ remoteAddress }) =>
      options.isOwn ? remoteAddress : remoteAddress?.replace('127.0.0.', '198.51.100.'),
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  closers.push(() => server.close())
  return (server.address() as AddressInfo).port
}

interface Client {
  readonly socket: Socket
  readonly answer: string
}

/** Connects and asks; resolves when it was served or cut off. */
function call(port: number, localAddress: string): Promise<Client> {
  const socket = connect({ port, host: '127.0.0.1', localAddress })
  closers.push(() => socket.destroy())
  socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n')
  return new Promise(resolve => {
    socket.on('data', chunk => resolve({ socket, answer: chunk.toString() }))
    socket.on('error', () => resolve({ socket, answer: '' }))
    socket.on('close', () => resolve({ socket, answer: '' }))
  })
}

const isServed = ({ answer }: Client) => answer.includes('served')

test('a client holds as many connections as the limit says, others have theirs, and what it closes is free again', async () => {
  const port = await listening({ limit: 2 })
  const [first, second] = [await call(port, '127.0.0.5'), await call(port, '127.0.0.5')]
  expect([first, second].map(isServed)).toEqual([true, true])
  expect(isServed(await call(port, '127.0.0.5'))).toBe(false)
  expect(isServed(await call(port, '127.0.0.6'))).toBe(true)
  first.socket.end()
  await once(first.socket, 'close')
  for (let isFree = false; !isFree; ) isFree = isServed(await call(port, '127.0.0.5'))
})

test('a connection is counted once, also one that offers another protocol with each call', async () => {
  const port = await listening({ limit: 2 })
  const { socket } = await call(port, '127.0.0.5')
  for (let n = 0; n < 5; n++) {
    socket.write('GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n')
    expect(String((await once(socket, 'data'))[0])).toContain('served')
  }
  expect(isServed(await call(port, '127.0.0.5'))).toBe(true)
  expect(isServed(await call(port, '127.0.0.5'))).toBe(false)
})

test.each([
  ['a trusted proxy', { limit: 1, trustedProxies: ['198.51.100.0/24'] }],
  ['a tool of the operator’s own', { limit: 1, isOwn: true }],
  ['anybody, when there is no limit', { limit: 0 }],
])('%s may hold more', async (_, options) => {
  const port = await listening(options)
  for (let n = 0; n < 5; n++) expect(isServed(await call(port, '127.0.0.5'))).toBe(true)
})

test('calls above the limit in hand are answered 503 with Retry-After, and taken again when others are done', async () => {
  const app = fastify()
  app.setErrorHandler(sendProblem)
  limitCallsInHand(app, 2)
  const waiting: (() => void)[] = []
  app.get('/slow', () => new Promise(resolve => waiting.push(() => resolve({}))))
  app.get('/fails', () => {
    throw new PushError('input_invalid', 'always')
  })
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  closers.push(() => app.close())
  for (let n = 0; n < 5; n++) expect((await fetch(`${url}/fails`)).status).toBe(400)
  const slow = [fetch(`${url}/slow`), fetch(`${url}/slow`)]
  let refused = await fetch(`${url}/fails`)
  while (refused.status !== 503) refused = await fetch(`${url}/fails`)
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
  for (const finish of waiting) finish()
  expect((await Promise.all(slow)).map(it => it.status)).toEqual([200, 200])
  let taken = await fetch(`${url}/fails`)
  while (taken.status !== 400) taken = await fetch(`${url}/fails`)
})
