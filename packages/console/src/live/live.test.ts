import type { LivePicture } from '@roost/protocol'
import { describe, expect, test } from 'vitest'
import { readEvents } from './events.ts'
import { applyEvent, kindOf, kindsChanged } from './picture.ts'

async function read(...chunks: readonly string[]): Promise<unknown[]> {
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
    start: stream => {
      for (const chunk of chunks) stream.enqueue(new TextEncoder().encode(chunk))
      stream.close()
    },
  })
  const events: unknown[] = []
  for await (const event of readEvents(body)) events.push(event)
  return events
}

describe('a stream', () => {
  test('is read wherever it is cut, and comments are no events', async () => {
    expect(await read(': hi\n\nevent: mess', 'age\ndata: {"a":', '1}\n', '\ndata:x\ndata: y\n\n')).toEqual([
      { name: 'message', data: '{"a":1}' },
      { name: 'message', data: 'x\ny' },
    ])
  })

  test('may end its lines with carriage returns, also where it is cut between the two', async () => {
    expect(await read('event: gone\r', '\ndata: 1\r\n\r', '\n')).toEqual([{ name: 'gone', data: '1' }])
  })

  test('that breaks off gives no half event', async () => {
    expect(await read('data: 1\n\ndata: 2\n')).toEqual([{ name: 'message', data: '1' }])
  })
})

const EMPTY: LivePicture = {
  messages: [],
  alerts: [],
  jobs: [],
  credentials: [],
  devices: null,
  works: [],
  trouble: null,
}
const event = (name: string, data: unknown) => ({ name, data: JSON.stringify(data) })

describe('the picture', () => {
  test('is there from the first event on, and nothing before it is taken', () => {
    expect(applyEvent(undefined, event('devices', { devices: 1 }))).toBeUndefined()
    expect(applyEvent(undefined, event('picture', EMPTY))).toEqual(EMPTY)
  })

  test('takes a known entry’s change in its place, and a new one at the front', () => {
    const one = applyEvent(EMPTY, event('message', { id: 'm1', state: 'sending' }))
    const two = applyEvent(one, event('message', { id: 'm2', state: 'sending' }))
    const changed = applyEvent(two, event('message', { id: 'm1', state: 'done' }))
    expect(changed?.messages.map(({ id, state }) => `${id} ${state}`)).toEqual(['m2 sending', 'm1 done'])
  })

  test('loses what is gone, and knows jobs by their names', () => {
    const running = applyEvent(EMPTY, event('job', { name: 'sweep' }))
    expect(applyEvent(running, event('gone', { kind: 'job', id: 'sweep' }))).toEqual(EMPTY)
    const troubled = applyEvent(EMPTY, event('trouble', { since: 'x' }))
    expect(applyEvent(troubled, event('gone', { kind: 'trouble', id: '' }))).toEqual(EMPTY)
  })

  test('is left as it is by what a newer server tells', () => {
    expect(applyEvent(EMPTY, event('weather', { id: '1' }))).toBe(EMPTY)
    expect(applyEvent(EMPTY, event('gone', { kind: 'weather', id: '1' }))).toBe(EMPTY)
  })
})

test('what has changed while nobody was told is seen in the next picture', () => {
  const before = applyEvent(EMPTY, event('message', { id: 'm1', state: 'sending' })) as LivePicture
  const done = applyEvent(before, event('message', { id: 'm1', state: 'done' })) as LivePicture
  expect(kindsChanged(before, done)).toEqual(['message'])
  const more = applyEvent(done, event('devices', { devices: 1 })) as LivePicture
  expect(kindsChanged(before, more)).toEqual(['message', 'devices'])
  expect(kindsChanged(more, structuredClone(more))).toEqual([])
})

test('an event says what it is about', () => {
  expect(kindOf(event('gone', { kind: 'alert', id: '1' }))).toBe('alert')
  expect(kindOf(event('credential', {}))).toBe('credential')
  expect(kindOf(event('picture', {}))).toBeUndefined()
})
