/** One POST: whatever a server answers, or does instead of answering, it comes to an end. */
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:tls'
import { expect, test } from 'vitest'
import { makeCertificate } from '../../../gateways/test/peer.ts'
import { post } from './post.ts'

/** Posts to a server that answers these bytes to whatever comes first, and then ends the connection if it shall. */
async function postTo(bytes: string, { ends = false, deadlineMs = 60_000 } = {}): Promise<unknown> {
  const certificate = await makeCertificate()
  const server = createServer(certificate, socket => {
    socket.on('error', () => undefined)
    socket.once('data', () => (ends ? socket.end(bytes) : socket.write(bytes)))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/hook`
  const options = { allowPrivate: true, extraCa: certificate.cert, deadlineMs }
  const posted = await post(url, {}, '{}', options)
  await new Promise(resolve => server.close(resolve)) // waits for the connection: it is not left open
  return posted
}

test('the status counts, and a body without end is not waited for', async () => {
  const endless = 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n'
  expect(await postTo(endless)).toEqual({ status: 200, error: null })
})

test('an answer that switches protocols, for which nobody asked, is an answer', async () => {
  const switching = 'HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n'
  expect(await postTo(switching)).toEqual({ status: 101, error: null })
})

test('a body that is cut off is of no interest', async () => {
  const cut = 'HTTP/1.1 202 Accepted\r\ncontent-length: 100\r\n\r\nabc'
  expect(await postTo(cut, { ends: true })).toEqual({ status: 202, error: null })
})

test.each([
  ['that says nothing', ''],
  ['that only announces an answer', 'HTTP/1.1 103 Early Hints\r\n\r\n'],
])('a server %s has not answered at the deadline', async (_what, bytes) => {
  const error = 'no answer within 2000 ms'
  expect(await postTo(bytes, { deadlineMs: 2000 })).toEqual({ status: null, error })
})

test.each([
  ['that hangs up', '', true, 'socket hang up'],
  ['that speaks no HTTP', 'hello\r\n\r\n', false, expect.stringContaining('Parse Error')],
])('a server %s has not answered', async (_what, bytes, ends, error) => {
  expect(await postTo(bytes, { ends })).toEqual({ status: null, error })
})
