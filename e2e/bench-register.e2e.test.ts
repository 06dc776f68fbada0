/** `roost bench register` as a whole: its processes, its figures, and what it leaves behind. */
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Command, outputOf } from './support/command.ts'

let temporary: string
beforeEach(async () => {
  temporary = await mkdtemp(join(tmpdir(), 'roost-e2e-'))
})
afterEach(() => rm(temporary, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 }))

const environment = () => ({ TMPDIR: temporary, ROOST_LOG_LEVEL: 'warn' })

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
  const out = await outputOf(['bench', 'register', '--json', ...size], { environment: environment() })
  expect(out.split('\n')).toHaveLength(1)
  const report = JSON.parse(out)
  expect(report).toMatchObject({ refused: 0, lost: 0 })
  // 500 in the base, 2000 while it is idle, 300 to warm up, 300 in each round and 300 at steady load; repeats add none.
  expect(report.size.devices).toBe(3700)
  expect(report.sizeAfterRepeats.devices).toBe(3700)
  for (const rate of ['emptyPerSecond', 'newPerSecond', 'againPerSecond', 'newRatio', 'againRatio'])
    expect(report[rate], rate).toBeGreaterThan(0)
  if (process.platform === 'linux')
    for (const kind of ['empty', 'new', 'again']) {
      const numbers = { server: expect.any(Number), postgres: expect.any(Number), caller: expect.any(Number) }
      expect(report.cpu[kind], kind).toEqual(numbers)
    }
  for (const kind of ['empty', 'hwid', 'user', 'token', 'new', 'again'])
    expect(report.idle[kind].p99Ms, kind).toBeGreaterThanOrEqual(report.idle[kind].p50Ms)
  expect(await readdir(temporary)).toEqual([])
})

test('interrupted, it ends at once and takes its processes and its folder along', async () => {
  const bench = new Command(['bench', 'register', '--count', '100000'], { environment: environment() })
  await bench.said(/./) // everything runs
  expect(await bench.end('SIGINT')).toBe(130) // its children hold the pipe, too
  expect(await readdir(temporary)).toEqual([])
})
