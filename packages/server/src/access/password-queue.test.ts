/** Whose password is computed when: each computation ends when the test says so. */
import { expect, test } from 'vitest'
import { PasswordQueue } from './password-queue.ts'

test('of a flood two are computed at a time and sixteen wait; who is known is let in all the same, and in front', async () => {
  const queue = new PasswordQueue()
  const running: { readonly name: string; readonly end: () => void }[] = []
  const ask = (name: string, isKnown: boolean) =>
    queue.inTurn(() => new Promise<void>(end => running.push({ name, end })), { isKnown })
  const flood = Array.from({ length: 100 }, (_, n) => ask(`stranger ${n}`, false))
  const known = ask('known', true)
  const outcomes = Promise.allSettled([...flood, known])
  await expect(flood[18]).rejects.toMatchObject({ code: 'rate_limited', retryAfterSeconds: 2 })

  const started: string[] = []
  for (let n = 0; n < 2 + 1 + 16; n++) {
    expect(running).toHaveLength(n === 18 ? 1 : 2)
    const next = running.shift()
    started.push(next?.name ?? 'none')
    next?.end()
    await new Promise(resolve => setImmediate(resolve)) // whose turn it is begins
  }
  const strangers = Array.from({ length: 18 }, (_, n) => `stranger ${n}`)
  expect(started).toEqual([...strangers.slice(0, 2), 'known', ...strangers.slice(2)])
  expect((await outcomes).filter(it => it.status === 'rejected')).toHaveLength(100 - 18)
  await Promise.all([known, queue.inTurn(() => Promise.resolve(), { isKnown: false })])
})
