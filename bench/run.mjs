/** `npm run bench -- <name> [options]`: runs the measurement in the folder of that name. */
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const folder = fileURLToPath(new URL('.', import.meta.url))
const [name = '', ...options] = process.argv.slice(2)
const names = readdirSync(folder).filter(it => existsSync(join(folder, it, 'run.mjs')))
if (!names.includes(name)) {
  console.error(`usage: npm run bench -- <name> [options]\nnames: ${names.join(', ')}`)
  process.exit(2)
}
const { status } = spawnSync(process.execPath, [join(folder, name, 'run.mjs'), ...options], {
  stdio: 'inherit',
})
process.exit(status ?? 1)
