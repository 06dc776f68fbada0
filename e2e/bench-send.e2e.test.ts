/** `roost bench send` as a whole: its processes, its figures, and what it leaves behind. */
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { outputOf } from './support/command.ts'

let temporary: string
beforeEach(async () => {
  temporary = await mkdtemp(join(tmpdir(), 'roost-e2e-'))
})
afterEach(() => rm(temporary, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 }))

test('prints one line of JSON, in which every campaign reached all living tokens, and leaves nothing behind', async () => {
  const size = ['--devices', '1000', '--dead', '10', '--rounds', '2']
  const environment = { TMPDIR: temporary, ROOST_LOG_LEVEL: 'warn' }
  const out = await outputOf(['bench', 'send', '--json', ...size], { environment })
  expect(out.split('\n')).toHaveLength(1)
  const report = JSON.parse(out)
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
