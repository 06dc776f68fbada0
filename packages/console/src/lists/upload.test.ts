import { expect, test } from 'vitest'
import { partsOf } from './upload.ts'

async function textsOf(text: string, column: string | undefined, bytes: number): Promise<string[]> {
  const parts: string[] = []
  for await (const part of partsOf(new Blob([text]), column, bytes)) parts.push(part.text)
  return parts
}

test('a file is sent in parts that end with a line, each with the header', async () => {
  expect(await textsOf('user_id,name\na,1\nb,2\nc,3\n', 'user_id', 14)).toEqual([
    'user_id,name\na,1\n',
    'user_id,name\nb,2\nc,3\n',
  ])
})

test('a file without a header has none put in front', async () => {
  expect(await textsOf('alpha\nbeta\ngamma', 'hwid', 6)).toEqual(['alpha\n', 'beta\ngamma'])
  expect(await textsOf('{"hwid":"a"}\n{"hwid":"b"}\n', undefined, 5)).toEqual([
    '{"hwid":"a"}\n',
    '{"hwid":"b"}\n',
  ])
})

test('letters of several bytes are not cut, and nothing is lost', async () => {
  const ids = Array.from({ length: 50 }, (_, n) => `ключ-${n}-鍵\n`).join('')
  expect((await textsOf(ids, 'hwid', 7)).join('')).toBe(ids)
})

test('the last part is known as the last, and an empty file is one part', async () => {
  const lasts: boolean[] = []
  for await (const { isLast } of partsOf(new Blob(['a\nb\n']), 'hwid', 2)) lasts.push(isLast)
  expect(lasts).toEqual([false, true])
  expect(await textsOf('', 'hwid', 10)).toEqual([''])
})
