import { expect, test } from 'vitest'
import { Loops } from './loops.ts'

const NEVER_MS = 2 ** 30

/** A loop's work that counts its looks and finds nothing; `looked(n)` resolves at the n-th. */
function looking() {
  let looks = 0
  const waiting: { readonly count: number; readonly resolve: () => void }[] = []
  return {
    once: async () => {
      looks++
      for (const { count, resolve } of waiting) if (looks >= count) resolve()
      return false
    },
    looked: (count: number) =>
      new Promise<void>(resolve => (looks >= count ? resolve() : void waiting.push({ count, resolve }))),
    looks: () => looks,
  }
}

function loopsOf(pollMs = NEVER_MS) {
  const errors: unknown[] = []
  return { loops: new Loops<'plan' | 'send'>({ pollMs, onError: it => errors.push(it) }), errors }
}

test('who is woken by name looks again, and the others rest', async () => {
  const { loops } = loopsOf()
  const [plan, send] = [looking(), looking()]
  loops.start('plan', plan.once)
  loops.start('send', send.once)
  await Promise.all([plan.looked(1), send.looked(1)])
  loops.wake('send')
  await send.looked(2)
  loops.wake('send')
  await send.looked(3)
  expect(plan.looks()).toBe(1)
  loops.wake()
  await Promise.all([plan.looked(2), send.looked(4)])
  await loops.stop()
})

test('who is woken while it looks looks once more', async () => {
  const { loops } = loopsOf()
  const plan = looking()
  loops.start('plan', async () => {
    if (plan.looks() === 0) loops.wake('plan')
    return plan.once()
  })
  await plan.looked(2)
  await loops.stop()
})

test('who has done something looks again at once, and who has not after a while', async () => {
  const { loops } = loopsOf(1)
  const [plan, send] = [looking(), looking()]
  loops.start('plan', async () => {
    await plan.once()
    return plan.looks() < 3
  })
  loops.start('send', send.once)
  await Promise.all([plan.looked(4), send.looked(3)])
  await loops.stop()
})

test('a loop whose work failed goes on', async () => {
  const { loops, errors } = loopsOf(1)
  const plan = looking()
  const failure = new Error('no database')
  loops.start('plan', async () => {
    await plan.once()
    if (plan.looks() === 1) throw failure
    return false
  })
  await plan.looked(2)
  await loops.stop()
  expect(errors).toEqual([failure])
})

test('a stop waits for what is in hand, and nothing is begun after it', async () => {
  const { loops } = loopsOf()
  const plan = looking()
  let finish: (didWork: boolean) => void = () => undefined
  loops.start('plan', async () => {
    await plan.once()
    return new Promise<boolean>(resolve => {
      finish = resolve
    })
  })
  await plan.looked(1)
  let isStopped = false
  const stopped = loops.stop().then(() => {
    isStopped = true
  })
  await new Promise(resolve => setImmediate(resolve))
  expect(isStopped).toBe(false)
  finish(true)
  await stopped
  expect(plan.looks()).toBe(1)
})
