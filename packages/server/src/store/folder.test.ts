/** The data folder: made when it is missing, and told plainly when it can't be used. */
import { mkdir, mkdtemp, realpath, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { diskFault, prepareFolder, StartError } from './folder.ts'

let root: string
beforeAll(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), 'roost-test-')))
})
afterAll(() => rm(root, { recursive: true, force: true }))

test('a missing folder is made with its parents, for its owner alone', async () => {
  const folder = join(root, 'a', 'b')
  expect(await prepareFolder(folder)).toBe(folder)
  expect((await stat(folder)).mode & 0o777).toBe(0o700)
})

test('a folder that exists is taken as it is, and a link leads to its real path', async () => {
  const folder = join(root, 'real')
  await mkdir(folder)
  await symlink(folder, join(root, 'link'))
  expect(await prepareFolder(join(root, 'link'))).toBe(folder)
  expect(await prepareFolder(folder)).toBe(folder)
})

test.each([
  ['a file', 'file'],
  ['below a file', 'file/data'],
  ['a link to nowhere', 'dangling'],
])('%s can not be the data folder, and the fault names it', async (_what, name) => {
  await writeFile(join(root, 'file'), '')
  await rm(join(root, 'dangling'), { force: true })
  await symlink(join(root, 'nowhere', 'at', 'all'), join(root, 'dangling'))
  const folder = join(root, name)
  const fault = await prepareFolder(folder).catch((error: unknown) => error)
  expect(fault).toBeInstanceOf(StartError)
  expect((fault as StartError).message).toContain(folder)
  expect((fault as StartError).remedy).toContain('ROOST_DATA_DIR')
})

test.runIf(process.platform === 'linux')(
  'where no folder can be made, as below /proc, that is told at once',
  async () => {
    const fault = await prepareFolder('/proc/roost/data').catch((error: unknown) => error)
    expect(fault).toBeInstanceOf(StartError)
    expect((fault as StartError).message).toContain('/proc/roost/data')
    expect((fault as StartError).remedy).toContain('ROOST_DATA_DIR')
  },
)

test.each([
  ['EROFS', 'read-only'],
  ['ENOSPC', 'disk is full'],
])('a fault %s of the disk has a remedy of its own', (code, words) => {
  const fault = diskFault(Object.assign(new Error(`${code}: open '/data/secret'`), { code }))
  expect(fault?.message).toContain('/data/secret')
  expect(fault?.remedy).toContain(words)
})

test('what is no fault of the disk is left to others', () => {
  expect(diskFault(Object.assign(new Error('x'), { code: 'ECONNRESET' }))).toBeUndefined()
  expect(diskFault(undefined)).toBeUndefined()
})
