/** `roost address-policy` and `roost jobs`: inactivity from the command line, on the embedded database that a server has left. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { outputOf, run, whileServing } from './support/command.ts'
import { call, SERVER_TOKEN } from './support/roost-server.ts'

const DAY_MS = 24 * 3_600_000

let folder: string
let environment: NodeJS.ProcessEnv
let app: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'roost-e2e-'))
  environment = {
    ROOST_DATA_DIR: join(folder, 'data'),
    ROOST_PORT: '0',
    ROOST_BOOTSTRAP_TOKEN: SERVER_TOKEN,
  }
  await whileServing(environment, fill)
}, 120_000)
afterAll(() => rm(folder, { recursive: true, force: true }))

/** Three phones that have opened the app. */
async function fill(url: string): Promise<void> {
  const made = await call<{ code: string; deviceToken: string }>(`${url}/v1/apps`, { body: { name: 'Test' } })
  app = made.code
  const authorization = `Token ${made.deviceToken}`
  for (const [hwid, device_type] of [
    ['one', 3],
    ['two', 3],
    ['three', 17],
  ] as const)
    for (const [method, fields] of [
      ['registerDevice', { push_token: `token-of-${hwid}` }],
      ['applicationOpen', {}],
    ] as const) {
      const body = { request: { application: app, hwid, device_type, ...fields } }
      await call(`${url}/json/1.3/${method}`, { body, authorization })
    }
}

const roost = (...words: string[]) => outputOf(words, { environment })

test('a policy is previewed, switched on, run as of a later day, and on record with what it removed', async () => {
  expect(await roost('address-policy', 'preview', '--app', app, '--inactive-days', '30')).toMatch(
    /^would remove 0 of 3\nby days since the last open:\n +0 to 0 +3 █+/,
  )
  expect(JSON.parse(await roost('address-policy', 'show', '--app', app, '--json'))).toMatchObject({
    removeInactive: false,
    inactiveDays: 90,
  })
  const set = await roost('address-policy', 'set', '--app', app, '--remove-inactive', '--inactive-days', '30')
  expect(set).toMatch(/^removeInactive +true$/m)
  expect(set).toMatch(/^eraseDays +never$/m)
  const at = new Date(Date.now() + 31 * DAY_MS).toISOString()
  const ahead = ['jobs', 'run', 'address-aging', '--at', at]
  for (const words of [ahead, [...ahead, '--json']])
    expect(await run(words, { environment })).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringMatching(
        /would do this for good:\n {2}\S+: 2 inactive android, 1 inactive huawei; it has 3 addresses for alerts\n[\s\S]*nothing was done[\s\S]*--yes/,
      ),
    })
  expect(await roost(...ahead, '--yes')).toBe('3 inactive, 0 forgotten')
  const told = (await roost('jobs', 'runs', 'address-aging', '--limit', '1')).split('\n')
  expect(told[0]).toMatch(/^\S+Z done in \d+\.\d s: 3 inactive, 0 forgotten$/)
  expect(told.slice(1)).toEqual(['  2 inactive android', '  1 inactive huawei'])
  const { runs } = JSON.parse(await roost('jobs', 'runs', 'address-aging', '--json'))
  expect(runs[0]).toMatchObject({ at, outcome: 'done', durationMs: expect.any(Number) })
}, 120_000)

test.each([
  [['jobs', 'runs', 'nonsense'], /there is no job "nonsense"/],
  [['address-policy', 'set', '--app', 'X', '--inactive-days', '3'], /inactiveDays: .*7/],
  [['address-policy', 'set', '--app', 'X', '--inactive-days', 'many'], /a number of days is wanted/],
])('%j says what is wrong', async (words, message) => {
  const ended = await run(words, { environment })
  expect(ended).toMatchObject({ code: 1, err: expect.stringMatching(message) })
})
