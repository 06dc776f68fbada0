/** Clients that begin a request and never end it, or send what is none. */
import { once } from 'node:events'
import { connect } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type BareServer, startBare } from '../../test/bare.ts'

let server: BareServer
beforeAll(async () => {
  server = await startBare({ requestTimeoutMs: 100 })
})
afterAll(() => server.close())

test('a body that never comes is answered 408, and its connection is closed', async () => {
  const socket = connect(Number(new URL(server.url).port), '127.0.0.1')
  let answer = ''
  socket.on('data', (chunk: Buffer) => {
    answer += chunk.toString()
  })
  socket.write('POST /json/1.3/registerDevice HTTP/1.1\r\nhost: roost\r\ncontent-length: 100\r\n\r\n{')
  await once(socket, 'close')
  expect(answer).toMatch(/^HTTP\/1\.1 408 /)
})

test.each([
  ['whose headers are larger than 16 KiB', `x-flood: ${'f'.repeat(17_000)}`, 431],
  ['that is no HTTP', 'no colon here', 400],
])('a request %s is refused, and its connection is closed', async (_, header, status) => {
  const socket = connect(Number(new URL(server.url).port), '127.0.0.1')
  let answer = ''
  socket.on('data', (chunk: Buffer) => {
    answer += chunk.toString()
  })
  socket.write(`GET /healthz HTTP/1.1\r\nhost: roost\r\n${header}\r\n\r\n`)
  await once(socket, 'close')
  expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
})
