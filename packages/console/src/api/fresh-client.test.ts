import { QueryObserver } from '@tanstack/react-query'
import { expect, test } from 'vitest'
import { FreshClient } from './fresh-client.ts'

/** Reads that answer when they are told to. */
function slowReads() {
  const waiting: ((value: string) => void)[] = []
  return {
    read: () => new Promise<string>(resolve => waiting.push(resolve)),
    begun: () => waiting.length,
    answer: (at: number, value: string) => waiting[at]?.(value),
  }
}

test('what changes while a page first reads it is read again', async () => {
  const client = new FreshClient()
  const { read, begun, answer } = slowReads()
  const observer = new QueryObserver(client, { queryKey: ['shop', 'messages'], queryFn: read })
  const stop = observer.subscribe(() => undefined)
  const refreshed = client.invalidateQueries({ queryKey: ['shop'] })
  answer(0, 'of before')
  await expect.poll(begun).toBe(2)
  answer(1, 'of after')
  await refreshed
  expect(observer.getCurrentResult().data).toBe('of after')
  expect(begun()).toBe(2)
  stop()
})

test('what is shown already is asked once, and of others nothing', async () => {
  const client = new FreshClient()
  const { read, begun, answer } = slowReads()
  const other = slowReads()
  const observer = new QueryObserver(client, { queryKey: ['shop', 'messages'], queryFn: read })
  const stops = [
    observer.subscribe(() => undefined),
    new QueryObserver(client, { queryKey: ['other'], queryFn: other.read }).subscribe(() => undefined),
  ]
  answer(0, 'of before')
  await expect.poll(() => observer.getCurrentResult().data).toBe('of before')
  const refreshed = client.invalidateQueries({ queryKey: ['shop'] })
  answer(1, 'of after')
  await refreshed
  expect(observer.getCurrentResult().data).toBe('of after')
  expect({ begun: begun(), other: other.begun() }).toEqual({ begun: 2, other: 1 })
  for (const stop of stops) stop()
})
