import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { keepSecret } from './secret-file.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'roost-test-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

test('a secret is made once, of 256 random bits, for its owner alone', async () => {
  const file = join(folder, 'secret')
  const secret = await keepSecret(file)
  expect(secret).toMatch(/^[0-9a-f]{64}$/)
  expect(await keepSecret(file)).toBe(secret)
  expect((await stat(file)).mode & 0o777).toBe(0o600)
  expect(await readdir(folder)).toEqual(['secret'])
})

test('a secret that is there is taken as it is', async () => {
  const file = join(folder, 'secret')
  await writeFile(file, 'made by hand \n')
  expect(await keepSecret(file)).toBe('made by hand')
})

test('all of many starts at once get the same secret, the one that is kept', async () => {
  const file = join(folder, 'secret')
  const secrets = await Promise.all(Array.from({ length: 20 }, () => keepSecret(file)))
  expect(new Set(secrets)).toEqual(new Set([await keepSecret(file)]))
  expect(await readdir(folder)).toEqual(['secret'])
})

test('a secret that can not be read is an error, not a new secret', async () => {
  await expect(keepSecret(folder)).rejects.toThrow('EISDIR')
})
