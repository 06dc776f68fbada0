/** `roost access`, beside a server: the first owner by the code that is printed, and the way back in. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Secret, TOTP } from 'otpauth'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Command, LISTENING, outputOf, run } from './support/command.ts'

const PASSWORD = 'seven quiet herons under glass'
let folder: string
let environment: NodeJS.ProcessEnv
let serve: Command
let url: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'roost-e2e-'))
  environment = { ROOST_DATA_DIR: join(folder, 'data'), ROOST_PORT: '0', ROOST_LOG_LEVEL: 'warn' }
  serve = new Command(['serve'], { environment })
  url = await serve.said(LISTENING)
}, 120_000)
afterAll(async () => {
  await serve.end('SIGTERM')
  await rm(folder, { recursive: true, force: true })
})

const roost = (...words: string[]) => outputOf(words, { environment })

async function post(path: string, body: object): Promise<{ status: number; cookie: string }> {
  const response = await fetch(`${url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', origin: url },
    body: JSON.stringify(body),
  })
  return { status: response.status, cookie: response.headers.getSetCookie()[0]?.split(';')[0] ?? '' }
}
const me = async (cookie: string) => (await fetch(`${url}/v1/me`, { headers: { cookie } })).status

test('a first start tells its migrations in one line, and the link of the first owner last', async () => {
  const data = join(folder, 'first')
  const first = new Command(['serve'], { environment: { ROOST_DATA_DIR: data, ROOST_PORT: '0' } })
  await first.said(/#setup=([\w-]+)/)
  await first.said(/(─{20,})\n$/)
  const { out, err } = first
  expect(err.match(/migrations? applied in [\d.]+ s/g)).toHaveLength(1)
  expect(err).not.toContain('schema migrated')
  const lines = out.trimEnd().split('\n')
  expect(lines.at(-1)).toMatch(/^─+$/)
  expect(lines.at(-2)).toContain('/#setup=')
  expect(out).not.toContain('#token=')
  await first.end('SIGTERM')
}, 120_000)

test('the code that serve prints, and "roost access setup-code" shows, makes the first owner, once', async () => {
  const setupCode = await serve.said(/#setup=([\w-]+)/)
  expect((await roost('access', 'setup-code')).trim()).toBe(setupCode)
  expect((await roost('access', 'list')).trim()).toBe('nobody: roost access setup-code')
  const setup = { name: 'Olga', password: PASSWORD, setupCode }
  expect((await post('/v1/setup', setup)).status).toBe(201)
  expect((await post('/v1/setup', setup)).status).toBe(409)
  expect(await run(['access', 'setup-code'], { environment })).toMatchObject({
    code: 1,
    err: expect.stringContaining('reset-password'),
  })
}, 120_000)

test('a password that is lost is replaced by one that is printed once, and all sessions are over', async () => {
  const { cookie } = await post('/v1/session', { name: 'Olga', password: PASSWORD })
  expect(await me(cookie)).toBe(200)
  const told = JSON.parse(await roost('access', 'reset-password', 'olga', '--json')) as { password: string }
  expect(await me(cookie)).toBe(401)
  expect((await post('/v1/session', { name: 'Olga', password: PASSWORD })).status).toBe(401)
  expect((await post('/v1/session', { name: 'Olga', password: told.password })).status).toBe(201)
  expect(await run(['access', 'reset-password', 'nobody'], { environment })).toMatchObject({ code: 1 })
}, 120_000)

test('a second factor that is lost is turned off when that is asked for, not else', async () => {
  const change = async (method: string, path: string, cookie: string, body: object) =>
    (
      await fetch(`${url}${path}`, {
        method,
        headers: { 'content-type': 'application/json', origin: url, cookie },
        body: JSON.stringify(body),
      })
    ).json() as Promise<{ secret: string }>
  const reset = async (...more: string[]) =>
    (JSON.parse(await roost('access', 'reset-password', 'Olga', '--json', ...more)) as { password: string })
      .password
  const password = await reset()
  const { cookie } = await post('/v1/session', { name: 'Olga', password })
  const { secret } = await change('POST', '/v1/me/second-factor', cookie, { password })
  const oneTimeCode = new TOTP({ secret: Secret.fromBase32(secret) }).generate()
  await change('PUT', '/v1/me/second-factor', cookie, { oneTimeCode })
  expect((await post('/v1/session', { name: 'Olga', password: await reset() })).status).toBe(401)
  const without = await reset('--without-second-factor')
  expect((await post('/v1/session', { name: 'Olga', password: without })).status).toBe(201)
}, 120_000)

test('somebody new is made an owner, and is listed', async () => {
  const told = JSON.parse(await roost('access', 'owner', 'Oskar', '--json')) as { password: string }
  expect((await post('/v1/session', { name: 'Oskar', password: told.password })).status).toBe(201)
  expect(await roost('access', 'list')).toMatch(/^Olga: owner, last seen .*\nOskar: owner, last seen/)
  expect(JSON.parse(await roost('access', 'owner', 'Olga', '--json'))).toEqual({
    name: 'Olga',
    password: null,
  })
}, 120_000)
