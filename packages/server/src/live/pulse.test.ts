import { expect, test } from 'vitest'
import { Pulse } from './pulse.ts'

test('each is looked after once a round, in steps of about the same size', () => {
  const pulse = new Pulse<number>(10)
  for (let i = 0; i < 95; i++) pulse.add(i)
  const steps = Array.from({ length: 10 }, () => pulse.beat())
  expect(steps.map(it => it.length).every(it => it === 9 || it === 10)).toBe(true)
  expect(steps.flat().sort((a, b) => a - b)).toEqual(Array.from({ length: 95 }, (_, i) => i))
})

test('whoever stays keeps the time between two beats, whoever else comes and goes', () => {
  const pulse = new Pulse<string>(4)
  pulse.add('others')
  pulse.add('stays')
  const times: number[] = []
  for (let step = 0; step < 16; step++) {
    if (pulse.beat().includes('stays')) times.push(step)
    pulse.add(`comes ${step}`)
    if (step === 6) pulse.delete('others')
  }
  expect(times).toEqual([1, 5, 9, 13])
  expect([pulse.has('others'), pulse.has('stays'), pulse.size]).toEqual([false, true, 17])
})
