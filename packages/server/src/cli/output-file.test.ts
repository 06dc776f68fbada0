import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { expect, onTestFinished, test } from 'vitest'
import { StartError } from '../store/folder.ts'
import { writeOutput } from './output-file.ts'

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'roost-output-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  return folder
}

test('a file that can not be made is told with its path and a remedy', async () => {
  const path = join(await newFolder(), 'none', 'devices.csv')
  const source = Readable.from(['hwid\n'])
  const error = await writeOutput(path, source).catch((it: unknown) => it)
  expect(error).toBeInstanceOf(StartError)
  expect(error).toMatchObject({
    message: expect.stringContaining(`${path} can't be written: ENOENT`),
    remedy: 'Name a file in a folder that is there.',
  })
  expect(source.destroyed).toBe(true)
})

test('what is written is whole, and only its owner reads it', async () => {
  const path = join(await newFolder(), 'devices.csv')
  await writeOutput(path, Readable.from(['hwid\n', 'a\n']))
  expect(await readFile(path, 'utf8')).toBe('hwid\na\n')
  expect((await stat(path)).mode & 0o777).toBe(0o600)
})
