/**
 * Builds only what changed: TypeScript checks by itself (`tsc -b`), the two bundles by the age of their sources.
 * So `npm start` and `npm run demo` work on a fresh clone and start at once afterwards. What the tools say is shown only when
 * one fails: a newcomer's first lines are ours.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))

/** @param {string} command @param {string[]} args */
function run(command, args) {
  const { status, error, stdout, stderr } = spawnSync(command, args, {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    maxBuffer: 64 * 1024 * 1024,
  })
  if (error !== undefined) throw error
  if (status === 0) return
  process.stderr.write(stdout)
  process.stderr.write(stderr)
  process.exit(status ?? 1)
}

/** @param {string} path @returns {number} the newest change below it, ms */
function newest(path) {
  if (!existsSync(path)) return 0
  const { mtimeMs } = statSync(path)
  if (!statSync(path).isDirectory()) return mtimeMs
  return Math.max(mtimeMs, ...readdirSync(path).map(name => newest(join(path, name))))
}

/** @param {string} name */
function isStale(name) {
  const folder = join(root, 'packages', name)
  const sources = ['src', 'package.json', 'vite.config.ts', 'index.html'].map(file =>
    newest(join(folder, file)),
  )
  return (
    newest(join(folder, 'dist', 'bundle')) < Math.max(...sources, newest(join(root, 'packages/protocol/src')))
  )
}

if (!existsSync(join(root, 'packages/server/dist')))
  process.stderr.write('building, for the first time only …\n')
run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-b'])
for (const name of ['sdk', 'console'])
  if (isStale(name)) run('npm', ['run', '--silent', 'bundle', '-w', `@roost/${name}`])
