/** `roost bench send` as a whole: its processes, its figures, and what it leaves behind. */
import { execFile } from 'node:child_process'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterEach, beforeEach, expect, test } from 'vitest'

const PROGRAM = fileURLToPath(new URL('../packages/server/bin/roost.js', import.meta.url))

let temporary: string
beforeEach(async () => {
  temporary = await mkdtemp(join(tmpdir(), 'roost-e2e-'))
})
afterEach(() => rm(temporary, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 }))

test('prints one line of JSON, in which every campaign reached all living tokens, and leaves nothing behind', async () => {
  const size = ['--devices', '1000', '--dead', '10', '--rounds', '2']
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [PROGRAM, 'bench', 'send', '--json', ...size],
    {
      env: { PATH: process.env.PATH, TMPDIR: temporary, ROOST_LOG_LEVEL: 'warn' },
    },
  )
  expect(stdout.trim().split('\n')).toHaveLength(1)
  const report = JSON.parse(stdout)
  // The dead of the first campaign are not sent to in the second one.
  expect(report).toMatchObject({ targeted: 1900, accepted: 1800, dead: 100 })
  for (const figure of ['perSecond', 'barePerSecond', 'ratio'])
    expect(report[figure], figure).toBeGreaterThan(0)
  expect(report.single.p99Ms).toBeGreaterThanOrEqual(report.single.p50Ms)
  if (process.platform === 'linux')
    for (const process of ['server', 'postgres', 'standIns', 'bareEngine'])
      expect(report.cpu[process], process).toBeGreaterThan(0)
  expect(await readdir(temporary)).toEqual([])
})
