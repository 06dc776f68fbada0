/** What `npm start` and `npm run demo` do first: build what changed, and say nothing of it unless it fails. */
import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readFile, rm, symlink, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
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

/** A page is usable on a slow line, too: charts and whatever else is large come when they are needed. */
const FIRST_LOAD_BYTES = 350 * 1024

test('the console’s first load is below 350 KB compressed', async () => {
  await promisify(execFile)(process.execPath, [join(ROOT, 'scripts/build-when-stale.mjs')])
  const bundle = join(ROOT, 'packages/console/dist/bundle')
  const html = await readFile(join(bundle, 'index.html'), 'utf8')
  const first = [...html.matchAll(/(?:src|href)="\.\/(assets\/[^"]+)"/g)].map(([, file]) => file ?? '')
  expect(first.length).toBeGreaterThan(1)
  const sizes = new Map<string, number>([['index.html', gzipSync(html).length]])
  await addWithImports(bundle, first, sizes)
  const bytes = [...sizes.values()].reduce((sum, each) => sum + each, 0)
  console.log(`first load of the console: ${Math.round(bytes / 1024)} KB in ${sizes.size} files`)
  expect(bytes, JSON.stringify([...sizes])).toBeLessThan(FIRST_LOAD_BYTES)
})

/** Files that are imported where they are named, not when something calls for them. */
async function addWithImports(
  bundle: string,
  files: readonly string[],
  sizes: Map<string, number>,
): Promise<void> {
  for (const file of files) {
    if (sizes.has(file)) continue
    const text = await readFile(join(bundle, file))
    sizes.set(file, gzipSync(text).length)
    if (!file.endsWith('.js')) continue
    const imported = [...text.toString().matchAll(/(?:from|import)\s*"\.\/([^"]+\.js)"/g)]
    await addWithImports(
      bundle,
      imported.map(([, name]) => `assets/${name}`),
      sizes,
    )
  }
}

const ROW = /^\| `(roost-[\w-]+\.js)`\s+\| ([\d.]+) KB/gm

test('what the READMEs say of the SDK’s size is its size', async () => {
  const read = (file: string) => readFile(join(ROOT, file))
  const kilobytesOf = async (file: string) =>
    gzipSync(await read(`packages/sdk/dist/bundle/${file}`), { level: 9 }).length / 1024
  const rows = [...(await read('packages/sdk/README.md')).toString().matchAll(ROW)]
  expect(rows).toHaveLength(5)
  for (const [, file = '', said] of rows)
    expect(
      Math.abs(Number(said) - (await kilobytesOf(file))),
      `${file} in packages/sdk/README.md`,
    ).toBeLessThan(0.1)
  const [, ofPages] =
    /An SDK for pages \(([\d.]+) KB compressed\)/.exec((await read('README.md')).toString()) ?? []
  expect(Math.abs(Number(ofPages) - (await kilobytesOf('roost-web.js')))).toBeLessThan(0.1)
})
