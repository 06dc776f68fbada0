/** What `npm start` and `npm run demo` do first: build what changed, and say nothing of it unless it fails. */
import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, rm, symlink, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'

const ROOT = fileURLToPath(new URL('..', import.meta.url))

test('a bundle that is stale is built without a word', async () => {
  const now = new Date()
  await utimes(join(ROOT, 'packages/sdk/package.json'), now, now)
  const said = await promisify(execFile)(process.execPath, [join(ROOT, 'scripts/build-when-stale.mjs')])
  expect(said).toEqual({ stdout: '', stderr: '' })
})

test('what does not compile is told in the compiler’s words, and nothing is started', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'roost-build-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  await mkdir(join(folder, 'scripts'))
  await cp(join(ROOT, 'scripts/build-when-stale.mjs'), join(folder, 'scripts/build-when-stale.mjs'))
  await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
  await writeFile(
    join(folder, 'tsconfig.json'),
    '{"compilerOptions":{"noEmit":true,"types":[]},"files":["wrong.ts"]}',
  )
  await writeFile(join(folder, 'wrong.ts'), 'export const count: number = "one"\n')
  const building = promisify(execFile)(process.execPath, [join(folder, 'scripts/build-when-stale.mjs')])
  await expect(building).rejects.toMatchObject({
    code: expect.any(Number),
    stdout: '',
    stderr: expect.stringContaining('wrong.ts'),
  })
})
