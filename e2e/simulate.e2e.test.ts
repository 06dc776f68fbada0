/**
 * `roost simulate` as its page tells it, with a real server: the lines with curl, and the scenario.
 */
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { rootCertificates } from 'node:tls'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Command, endCommands } from './support/command.ts'
import { eventually } from './support/eventually.ts'
import { type RoostServer, startRoostServer } from './support/roost-server.ts'

const PAGE = fileURLToPath(new URL('../docs/simulator.md', import.meta.url))
const WITHIN_MS = 90_000

interface Settings {
  readonly environment: Readonly<Record<string, string>>
  readonly chrome: { readonly checkIn: string }
  readonly control: { readonly url: string; readonly token: string }
  readonly credentials: readonly object[]
}

interface Report {
  readonly done: readonly { readonly name: string; readonly result: Readonly<Record<string, number>> }[]
  readonly gateways: Readonly<Record<string, { readonly accepted: number }>>
  readonly phones: {
    readonly registered: number
    readonly shown: number
    readonly receipts: { posted: number }
  }
  readonly isComplete: boolean
}

interface Message {
  readonly state: string
  readonly counts: Readonly<Record<string, number>>
}

let folder: string
let server: RoostServer | undefined

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'roost-e2e-'))
})
afterEach(async () => {
  await endCommands('SIGKILL')
  await server?.close()
  server = undefined
  await rm(folder, { recursive: true, force: true })
})

function simulate(...options: string[]): Command {
  return new Command(['simulate', ...options], { environment: { TMPDIR: folder } })
}

/** The first line of `--json`. */
async function settingsOf(command: Command): Promise<Settings> {
  return JSON.parse(await command.said(/^(.*)\n/)) as Settings
}

/** The fenced block that follows this remark on the page. */
async function blockAfter(remark: string): Promise<string> {
  const page = await readFile(PAGE, 'utf8')
  const [, block] = page.split(`<!-- ${remark} -->`)[1]?.split(/```\w*\n/) ?? []
  if (block === undefined) throw new Error(`the page has no block after "${remark}"`)
  return block
}

async function uploadCredentials(app: string, settings: Settings): Promise<void> {
  for (const credential of settings.credentials)
    await server?.rest('POST', `/v1/apps/${app}/credentials`, credential)
}

test('the page’s lines with curl are taken one by one', async () => {
  const command = simulate('--json')
  const settings = await settingsOf(command)
  const caPem = await readFile(settings.environment.ROOST_EXTRA_CA ?? '', 'utf8')
  server = await startRoostServer({ environment: settings.environment, caPem })
  const made = await server.rest<{ code: string; deviceToken: string }>('POST', '/v1/apps', { name: 'Page' })
  await uploadCredentials(made.code, settings)
  const script = await blockAfter('a test runs these lines')
  const { stdout } = await promisify(execFile)('sh', ['-e', '-c', script], {
    env: {
      PATH: process.env.PATH,
      SIMULATOR_URL: settings.control.url,
      SIMULATOR_TOKEN: settings.control.token,
      SERVER: server.baseUrl,
      APP: made.code,
      DEVICE_TOKEN: made.deviceToken,
    },
  })
  const answers = stdout
    .trim()
    .split('\n')
    .map(line => JSON.parse(line))
  expect(answers[0].operations.length).toBeGreaterThan(100)
  expect(answers[1]).toEqual({ installed: 40, uninstalled: 0, done: 40, failed: 0 })
  expect(answers[2]).toMatchObject({ total: 20 })
  for (const answer of answers.filter(it => 'failed' in it)) expect(answer.failed).toBe(0)
  expect(answers.find(it => 'numbers' in it)).toMatchObject({ done: 1, numbers: [40] })
  expect(answers.at(-2)).toHaveProperty('webPush.accepted')
  expect(await command.end('SIGINT')).toBe(0)
})

test('the page’s scenario is played against a server that is started with its settings', async () => {
  const environment: Record<string, string> = {}
  server = await startRoostServer({ environment, caPem: rootCertificates[0] ?? '' })
  const app = await server.rest<{ code: string; deviceToken: string }>('POST', '/v1/apps', {
    name: 'Rehearsal',
  })
  await server.kill()

  const file = join(folder, 'campaign.jsonc')
  await writeFile(file, await blockAfter('a test plays this file'))
  const roost = ['--server', server.baseUrl, '--app', app.code, '--token', app.deviceToken]
  const command = simulate('--json', '--scenario', file, ...roost)
  const settings = await settingsOf(command)
  Object.assign(environment, settings.environment)
  await server.startAgain()
  await uploadCredentials(app.code, settings)
  const id = await sendWhenRegistered(settings, app.code, 100)
  expect((await command.ended()).code).toBe(0)

  const report = JSON.parse(command.out.trim().split('\n').at(-1) ?? '') as Report
  expect(report).toMatchObject({ isComplete: true, phones: { registered: 100, failed: 0 } })
  expect(report.done.map(({ name }) => name)).toEqual([
    'phones.install',
    'faults.apns.latency',
    'phones.go-offline',
    'phones.go-online',
    'phones.new-token',
    'faults.apns.clear',
  ])
  expect(report.done[0]?.result).toEqual({ installed: 100, uninstalled: 2, done: 100, failed: 0 })
  const { counts } = await messageDone(server, `/v1/apps/${app.code}/messages/${id}`)
  const accepted = Object.values(report.gateways).reduce((sum, gateway) => sum + gateway.accepted, 0)
  expect(counts).toMatchObject({ targeted: 100, accepted, dead: 2, failed: 0 })
  expect(report.phones.shown).toBe(98)
  expect(counts.delivered).toBe(98)
  expect(report.gateways.hms?.accepted).toBeGreaterThan(0)
})

async function messageDone(roost: RoostServer, path: string): Promise<Message> {
  const { value } = await eventually({
    what: 'the message done',
    read: () => roost.rest<Message>('GET', path),
    until: ({ state }) => state === 'done',
    withinMs: WITHIN_MS,
  })
  return value
}

/** Through the control API, from outside as a person would. */
async function sendWhenRegistered(settings: Settings, app: string, phones: number): Promise<string> {
  const { url, token } = settings.control
  const headers = { authorization: `Bearer ${token}` }
  await eventually({
    what: 'the phones registered',
    read: async () => {
      const response = await fetch(`${url}/phones/counts`, { headers })
      return response.ok ? ((await response.json()) as { registered: number }).registered : 0
    },
    until: registered => registered === phones,
    withinMs: WITHIN_MS,
  })
  const message = { to: { all: true }, content: { title: 'Rehearsal', body: 'Nobody is disturbed.' } }
  const sent = await server?.rest<{ id: string }>('POST', `/v1/apps/${app}/messages`, message)
  return sent?.id ?? ''
}

test('a slip in a scenario is told with its line before anything is started', async () => {
  const file = join(folder, 'slip.json')
  await writeFile(file, '{\n  "steps": [\n    { "at": "soon", "do": { "counts": {} } }\n  ]\n}\n')
  const command = simulate('--scenario', file, '--server', 'http://127.0.0.1:9', '--app', 'X', '--token', 'Y')
  expect((await command.ended()).code).toBe(1)
  expect(command.out).toBe('')
  expect(command.err).toContain('slip.json, line 3: steps[0].at: "soon" is not what it takes')
  expect(command.err).toContain('→ It takes a time')
})

test('names of a server that belong together are asked for together', async () => {
  const command = simulate('--server', 'http://127.0.0.1:9')
  expect((await command.ended()).code).toBe(1)
  expect(command.err).toContain('--server, --app and --token belong together')
})

test('what it prints has the HMS settings, the switches of a Chromium and the control API', async () => {
  const command = simulate()
  await eventually({
    what: 'the end of the settings',
    read: () => command.out,
    until: out => out.includes('Ctrl-C'),
    withinMs: WITHIN_MS,
  })
  expect(command.out).toMatch(/^export ROOST_HMS_URL='https:\/\/127\.0\.0\.1:\d+'$/m)
  expect(command.out).toMatch(/^export ROOST_HMS_TOKEN_URL='https:\/\/127\.0\.0\.1:\d+\/oauth2\/v3\/token'$/m)
  expect(command.out).toMatch(/^export HMS_CREDENTIAL='.+'$/m)
  expect(command.out).toMatch(/^export HUAWEI_TOKEN_3='IQAAAACy.+'$/m)
  expect(command.out).toMatch(
    /^# Chromium: --gcm-checkin-url=https:\S+ --gcm-registration-url=https:\S+ --gcm-mcs-endpoint=https:\S+ --ignore-certificate-errors$/m,
  )
  const [, url, token] = /SIMULATOR_URL='(.+)'\nexport SIMULATOR_TOKEN='(.+)'/.exec(command.out) ?? []
  const { status } = await fetch(`${url}/counts`, { headers: { authorization: `Bearer ${token}` } })
  expect(status).toBe(200)
  expect(await command.end('SIGTERM')).toBe(0)
})
