import { expect, test } from 'vitest'
import { Closers } from './closers.ts'

test('all is closed in reverse, also after what fails, and the first failure is told', async () => {
  const closers = new Closers()
  const closed: string[] = []
  const close = (name: string) => closers.push(async () => closed.push(name))
  const fail = (name: string) =>
    closers.push(async () => {
      closed.push(name)
      throw new Error(name)
    })
  close('database')
  fail('jobs')
  close('dispatcher')
  fail('app')
  await expect(closers.close()).rejects.toThrow('app')
  expect(closed).toEqual(['app', 'dispatcher', 'jobs', 'database'])
  close('later')
  await closers.close()
  expect(closed.slice(4)).toEqual(['later'])
})
