/** What is not wanted any more leaves no byte, also over HTTP/1.1, and takes no socket from the others. */
import { once } from 'node:events'
import { expect, test } from 'vitest'
import { endAfterTest } from '../test/fixtures.ts'
import { type Http1Request, startHttp1Peer } from '../test/peer.ts'
import { createHttp1Transport } from './http1-transport.ts'
import type { TransportRequest, Wish } from './transport.ts'

const NOT_WANTED = { kind: 'not_sent', reason: 'it was not wanted any more' }

/** One socket; the first request is held until it is answered, the others are answered at once. */
async function busyPeer() {
  let seeFirst = (_: Http1Request): void => {}
  const first = new Promise<Http1Request>(resolve => {
    seeFirst = resolve
  })
  const peer = endAfterTest(
    await startHttp1Peer(request => (request.index === 0 ? seeFirst(request) : request.answer(200))),
  )
  const transport = endAfterTest(createHttp1Transport({ extraCa: peer.ca, maxSocketsPerOrigin: 1 }))
  const post = (path: string, wish?: Wish) => {
    const request: TransportRequest = {
      origin: peer.origin,
      method: 'POST',
      path,
      headers: {},
      body: Buffer.from('{}'),
      deadlineMs: 60_000,
      wish,
    }
    return transport.request(request)
  }
  return { peer, first, post }
}

test('what is not wanted any more when its turn comes is not sent, and its socket is the next one’s', async () => {
  const { peer, first, post } = await busyPeer()
  const wish = { isWanted: true }
  const held = post('/held')
  const given = [post('/1', wish), post('/wanted', { isWanted: true }), post('/2', wish), post('/no-wish')]
  const { answer } = await first
  wish.isWanted = false
  answer(200)
  expect(await held).toMatchObject({ kind: 'response' })
  const answered = expect.objectContaining({ kind: 'response', status: 200 })
  expect(await Promise.all(given)).toEqual([NOT_WANTED, answered, NOT_WANTED, answered])
  expect(peer.requests.map(it => it.path)).toEqual(['/held', '/wanted', '/no-wish'])
  expect(peer.sockets).toHaveLength(1)
})

test('when none of those that wait is wanted the socket is kept for whoever comes', async () => {
  const { peer, first, post } = await busyPeer()
  const wish = { isWanted: true }
  const held = post('/held')
  const given = [post('/1', wish), post('/2', wish)]
  const { answer } = await first
  wish.isWanted = false
  answer(200)
  await held
  expect(await Promise.all(given)).toEqual([NOT_WANTED, NOT_WANTED])
  expect(await post('/later', { isWanted: true })).toMatchObject({ kind: 'response' })
  expect(peer.sockets).toHaveLength(1)
})

test('what is not wanted from the start opens no connection', async () => {
  const { peer, post } = await busyPeer()
  expect(await post('/1', { isWanted: false })).toEqual(NOT_WANTED)
  expect(peer.handshakes()).toBe(0)
})

test('what is on its way is answered, wanted or not', async () => {
  const { first, post } = await busyPeer()
  const wish = { isWanted: true }
  const result = post('/1', wish)
  const { answer, response } = await first
  wish.isWanted = false
  answer(201)
  await once(response, 'finish')
  expect(await result).toMatchObject({ kind: 'response', status: 201 })
})
