/** `roost apps`, on the embedded database that a server has left. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { outputOf, run, whileServing } from './support/command.ts'
import { call, SERVER_TOKEN } from './support/roost-server.ts'

let folder: string
let environment: NodeJS.ProcessEnv
let code: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'roost-e2e-'))
  environment = {
    ROOST_DATA_DIR: join(folder, 'data'),
    ROOST_PORT: '0',
    ROOST_BOOTSTRAP_TOKEN: SERVER_TOKEN,
  }
  await whileServing(environment, async url => {
    code = (await call<{ code: string }>(`${url}/v1/apps`, { body: { name: 'Shop' } })).code
  })
}, 120_000)
afterAll(() => rm(folder, { recursive: true, force: true }))

const apps = (...words: string[]) => outputOf(['apps', ...words], { environment })
const refusal = async (...words: string[]) => {
  const { code: status, err } = await run(['apps', ...words], { environment })
  expect(status, 'the exit status').toBe(1)
  return err
}

test('an app is archived, taken back and, once it is archived, deleted by its name', async () => {
  expect(await apps('list')).toBe(`${code} Shop`)
  expect(await refusal('delete', code, '--name', 'Shop')).toContain('roost apps list has what there is.')
  expect(await apps('archive', code)).toBe('Shop is archived; what was under way is paused')
  expect(await apps('list')).toMatch(new RegExp(`^${code} Shop, archived since \\d{4}-`))
  expect(await apps('unarchive', code)).toBe('Shop is taken back; what was paused stays paused')
  expect(JSON.parse(await apps('list', '--json'))).toEqual({
    apps: [{ code, name: 'Shop', createdAt: expect.any(String), archivedAt: null }],
  })
  await apps('archive', code)
  expect(await refusal('delete', code, '--name', 'Ship')).toContain('it is not the name of this app')
  expect(await apps('delete', code, '--name', 'Shop')).toContain('Shop is deleted')
  expect(await apps('list')).toBe('no apps')
}, 180_000)

test('an app that there is not is named, and nothing is changed', async () => {
  expect(await refusal('archive', 'AAAAA-AAAAA')).toContain('AAAAA-AAAAA')
}, 60_000)

test('what was done stands in the audit log, by whom it was', async () => {
  await whileServing(environment, async url => {
    const { entries } = await call<{ entries: { what: string; by: string }[] }>(`${url}/v1/audit`, {
      method: 'GET',
    })
    const ours = entries.filter(it => it.by === 'roost apps').map(it => it.what)
    expect(ours.toReversed()).toEqual(
      ['archive', 'unarchive', 'archive', 'delete'].map(it => `roost apps ${it}`),
    )
  })
}, 120_000)
