/** Streams over real sockets, with looks that a test makes up. */
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { Readable } from 'node:stream'
import { PushError } from '@roost/protocol'
import { expect, onTestFinished, test } from 'vitest'
import { type Picture, pictureOf } from '../../../insight/overview/picture.ts'
import { describeChange, type Listening, LiveStreams } from './streams.ts'
import { Watch, type WatchOptions } from './watch.ts'

const APP = 1
const clock = { now: () => Date.now() }

function alerts(...ids: readonly string[]): Picture {
  const value = (id: string) => ({ id, kind: 'death_rate' as const, openedAt: '2026-01-01T00:00:00.000Z' })
  return pictureOf(ids.map(id => ({ kind: 'alert', id, value: value(id) })))
}

function watch(look: WatchOptions['look'], everyMs = 5): Watch {
  return new Watch({ look, clock, everyMs })
}

function listening(more: Partial<Listening> = {}): Listening & { readonly end: () => void } {
  const over = new AbortController()
  onTestFinished(() => over.abort())
  return {
    appId: APP,
    person: 'token 1',
    isAllowed: () => Promise.resolve(true),
    over: over.signal,
    cut: () => over.abort(),
    end: () => over.abort(),
    ...more,
  }
}

const next = async (events: AsyncGenerator<string>) => (await events.next()).value as string | undefined

test('the first event is the picture, then only what has changed is told, and what is gone', async () => {
  let now = alerts('a', 'b')
  const streams = new LiveStreams(watch(async () => new Map([[APP, now]])))
  const events = streams.open(listening())
  expect(await next(events)).toMatch(/^event: picture\ndata: \{"messages":\[\],"alerts":\[\{"id":"a".*\n\n$/)
  now = alerts('b', 'c')
  expect(await next(events)).toBe(
    'event: alert\ndata: {"id":"c","kind":"death_rate","openedAt":"2026-01-01T00:00:00.000Z"}\n\n' +
      'event: gone\ndata: {"kind":"alert","id":"a"}\n\n',
  )
})

test('who is behind is told the end of it, not what was in between', () => {
  const text = describeChange(alerts('a'), alerts('a', 'z'))
  expect(text.match(/event: /g)).toHaveLength(1)
  expect(describeChange(alerts('a'), alerts('a'))).toBe('')
})

test('nothing is looked at while nobody looks on, and one look serves all of an app', async () => {
  let looks = 0
  const watched = watch(async ({ appIds }) => {
    looks++
    return new Map(appIds.map(it => [it, alerts('a')]))
  })
  const leave = [watched.join(APP), watched.join(APP), watched.join(2)]
  const { over } = listening()
  for (let i = 0; i < 3; i++) await watched.looked(over)
  for (const it of leave) it()
  const before = looks
  expect(before).toBeLessThanOrEqual(5)
  await new Promise(resolve => setTimeout(resolve, 50))
  expect(looks).toBeLessThanOrEqual(before + 1) // one may have been on its way
  expect(watched.pictureOf(APP)).toBeUndefined()
})

test('a server that can not look says so, and since when; then that it can again', async () => {
  let isAway = false
  const streams = new LiveStreams(
    watch(async () => {
      if (isAway) throw new Error('away')
      return new Map([[APP, alerts('a')]])
    }),
  )
  const events = streams.open(listening())
  await next(events)
  isAway = true
  expect(await next(events)).toMatch(/^event: trouble\ndata: \{"since":"\d{4}-.*"\}\n\n$/)
  isAway = false
  expect(await next(events)).toBe('event: gone\ndata: {"kind":"trouble","id":""}\n\n')
})

test('a silent stream is kept alive by comments', async () => {
  const streams = new LiveStreams(
    watch(async () => new Map([[APP, alerts('a')]])),
    { aliveEveryMs: 20 },
  )
  const events = streams.open(listening())
  await next(events)
  expect(await next(events)).toBe(': \n\n')
})

test('a stream ends when its token is revoked', async () => {
  let isAllowed = true
  const streams = new LiveStreams(watch(async () => new Map([[APP, alerts('a')]])))
  const events = streams.open(listening({ isAllowed: async () => isAllowed }))
  await next(events)
  isAllowed = false
  expect((await events.next()).done).toBe(true)
  expect(streams.size).toBe(0)
})

test('a person has twenty streams at most, and one that is over makes room for another', async () => {
  const streams = new LiveStreams(watch(async () => new Map([[APP, alerts('a')]])))
  const first = listening()
  streams.open(first)
  for (let i = 1; i < 20; i++) streams.open(listening())
  expect(() => streams.open(listening())).toThrow(PushError)
  streams.open(listening({ person: 'token 2' }))
  first.end() // it was never read
  streams.open(listening())
})

test('a reader that takes nothing is cut, and nothing is piled up for it', async () => {
  const MANY = 8 * 1024 * 1024 // more than the sockets of both ends hold
  let version = 0
  let pulled = 0
  const streams = new LiveStreams(
    watch(async () => {
      const value = { id: 'a', kind: 'death_rate' as const, openedAt: `${version++} ${'x'.repeat(MANY)}` }
      return new Map([[APP, pictureOf([{ kind: 'alert', id: 'a', value }])]])
    }),
    { stalledAfterMs: 1000 }, // in which it is looked far more often than what is pulled
  )
  let cuts = 0
  const server = createServer((_request, response) => {
    const over = new AbortController()
    response.once('close', () => over.abort())
    const cut = () => {
      cuts++
      response.destroy()
    }
    const events = streams.open(listening({ over: over.signal, cut }))
    const counted = async function* () {
      for await (const text of events) {
        pulled++
        yield text
      }
    }
    Readable.from(counted(), { objectMode: false })
      .on('error', () => undefined)
      .pipe(response)
  }).listen(0, '127.0.0.1')
  onTestFinished(() => void server.close())
  await new Promise(resolve => server.once('listening', resolve))
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  onTestFinished(() => void socket.destroy())
  socket.on('error', () => undefined)
  socket.pause()
  socket.write('GET / HTTP/1.1\r\nhost: roost\r\n\r\n')
  await expect.poll(() => cuts, { timeout: 45_000 }).toBe(1)
  await expect.poll(() => streams.size).toBe(0)
  expect(pulled).toBeLessThanOrEqual(4)
})
