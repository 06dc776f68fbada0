import { expect, test } from 'vitest'
import { loadTexts } from './text-store.ts'

test('texts that are there say so by themselves, so that React waits for none of them', async () => {
  const first = loadTexts('en', 'common')
  expect(first).toMatchObject({ status: 'pending' })
  const texts = await first
  expect(loadTexts('en', 'common')).toBe(first)
  expect(first).toMatchObject({ status: 'fulfilled', value: texts })
})

test('a load that failed is forgotten, so that the next try asks again', async () => {
  const failed = loadTexts('en', 'nothing' as 'common')
  await expect(failed).rejects.toThrow('no file of texts')
  expect(failed).toMatchObject({ status: 'rejected' })
  const again = loadTexts('en', 'nothing' as 'common')
  expect(again).not.toBe(failed)
  await expect(again).rejects.toThrow()
})
