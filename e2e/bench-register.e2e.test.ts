/** `roost bench register` as a whole: its processes, its figures, and what it leaves behind. */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
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

const environment = () => ({ PATH: process.env.PATH, TMPDIR: temporary, ROOST_LOG_LEVEL: 'warn' })

test('prints one line of JSON, in which every call was answered and stored, and leaves nothing behind', async () => {
  const size = [
    '--count',
    '300',
    '--connections',
    '16',
    '--rounds',
    '2',
    '--devices',
    '500',
    '--repeats',
    '700',
  ]
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [PROGRAM, 'bench', 'register', '--json', ...size],
    { env: environment() },
  )
  expect(stdout.trim().split('\n')).toHaveLength(1)
  const report = JSON.parse(stdout)
  expect(report).toMatchObject({ refused: 0, lost: 0 })
  // 500 in the base, 300 to warm up, 300 in each round and 300 at steady load; repeats add none.
  expect(report.size.devices).toBe(1700)
  expect(report.sizeAfterRepeats.devices).toBe(1700)
  for (const rate of ['emptyPerSecond', 'newPerSecond', 'againPerSecond', 'newRatio', 'againRatio'])
    expect(report[rate], rate).toBeGreaterThan(0)
  if (process.platform === 'linux')
    for (const kind of ['empty', 'new', 'again']) {
      const numbers = { server: expect.any(Number), postgres: expect.any(Number), caller: expect.any(Number) }
      expect(report.cpu[kind], kind).toEqual(numbers)
    }
  for (const kind of ['hwid', 'user', 'token'])
    expect(report.lookUps[kind].p99Ms, kind).toBeGreaterThanOrEqual(report.lookUps[kind].p50Ms)
  expect(await readdir(temporary)).toEqual([])
})

test('interrupted, it ends at once and takes its processes and its folder along', async () => {
  const bench = spawn(process.execPath, [PROGRAM, 'bench', 'register', '--count', '100000'], {
    env: environment(),
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const ended = once(bench, 'close') // its children hold the pipe, too
  await once(bench.stdout, 'data') // everything runs
  bench.kill('SIGINT')
  expect(await ended).toEqual([130, null])
  expect(await readdir(temporary)).toEqual([])
})
