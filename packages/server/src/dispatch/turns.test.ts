/** Turns: one piece of work each, so that whatever else waits comes in between. */
import { expect, test } from 'vitest'
import { Precedence } from './precedence.ts'
import { Turns } from './turns.ts'

test('what somebody has to do is done in a row, a piece a turn, and what else is due comes in between', async () => {
  const turns = new Turns(new Precedence())
  const seen: string[] = []
  const see = (...names: string[]) => names.map(name => () => void seen.push(name))
  const ended = Promise.all([turns.take(see('a1', 'a2')), turns.take(see('b1')), turns.take(see('c1', 'c2'))])
  const others = new Promise<void>(resolve => {
    const look = () => {
      seen.push('-')
      if (seen.includes('c2')) resolve()
      else setImmediate(look)
    }
    setImmediate(look)
  })
  await Promise.all([ended, others])
  expect(seen.join('')).toMatch(/a1-+a2-+b1-+c1-+c2/)
})

test('what the pieces give back comes in their order', async () => {
  expect(await new Turns(new Precedence()).take([() => 1, () => 2])).toEqual([1, 2])
})

test('a piece that throws is told to whom it belongs, and the next one has its turn', async () => {
  const turns = new Turns(new Precedence())
  const fault = new Error('no')
  const failed = turns.take([
    () => {
      throw fault
    },
  ])
  const next = turns.take([() => 'done'])
  await expect(failed).rejects.toBe(fault)
  expect(await next).toEqual(['done'])
})
