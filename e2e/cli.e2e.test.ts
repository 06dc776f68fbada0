/** What `roost serve` and `roost simulate` say, where they say it, and how they end. */
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Command, endCommands, LISTENING, PROGRAM, run } from './support/command.ts'
import { eventually } from './support/eventually.ts'

let temporary: string
beforeEach(async () => {
  temporary = await mkdtemp(join(tmpdir(), 'roost-e2e-'))
})
afterEach(async () => {
  await endCommands('SIGKILL')
  await rm(temporary, { recursive: true, force: true })
})

function start(name: 'serve' | 'simulate', environment: Readonly<Record<string, string>> = {}): Command {
  const known = { TMPDIR: temporary, ROOST_DATA_DIR: join(temporary, 'data'), ROOST_PORT: '0' }
  return new Command([name], { environment: { ...known, ...environment } })
}

describe('roost serve', () => {
  test.each(['SIGINT', 'SIGTERM'] as const)(
    'tells people on stdout and machines on stderr, and by %s ends with "stopped" and 0',
    async signal => {
      const serve = start('serve')
      await serve.said(LISTENING)
      expect(await serve.end(signal)).toBe(0)
      expect(serve.out).toMatch(/^Roost is listening on .*\n(?:.*\n)*stopping: .*\nstopped\n$/)
      expect(serve.out).not.toContain('{')
      const lines = serve.err.trimEnd().split('\n')
      for (const line of lines) expect(JSON.parse(line), line).toHaveProperty('msg')
    },
  )

  test('warns of a setting with a slip in its name, and starts', async () => {
    const serve = start('serve', { ROOST_PROT: '80' })
    await serve.said(LISTENING)
    expect(serve.err).toContain('roost: ROOST_PROT is not a setting; did you mean ROOST_PORT?\n')
  })

  test('goes on when nobody reads what it says any more, and stops cleanly', async () => {
    const serve = start('serve')
    const url = await serve.said(LISTENING)
    serve.stopReading()
    expect((await fetch(`${url}/readyz`)).status).toBe(200)
    expect(await serve.end('SIGTERM')).toBe(0)
    expect(serve.err).not.toContain('EPIPE')
  })

  test('tells what fails while it is stopped during its start, and ends with 1', async () => {
    const mute = createServer().listen(0, '127.0.0.1')
    await once(mute, 'listening')
    try {
      const connecting = once(mute, 'connection')
      const { port } = mute.address() as AddressInfo
      const serve = start('serve', { ROOST_DATABASE_URL: `postgres://roost@127.0.0.1:${port}/roost` })
      const [connection] = (await connecting) as [Socket]
      const ended = serve.end('SIGTERM')
      await serve.said(/stopping/)
      connection.destroy()
      expect(await ended).toBe(1)
      expect(serve.err).toMatch(/^roost: the database does not answer/m)
      expect(serve.out).not.toContain('stopped')
    } finally {
      mute.close()
    }
  })

  test('stopped while it starts, wherever that meets it, ends with "stopped" and 0', async () => {
    const serve = start('serve')
    const read = () => readdir(join(temporary, 'data')).catch(() => [])
    const isBegun = (names: readonly string[]) => names.some(it => it.startsWith('postgres'))
    await eventually({ what: 'a database begun', read, until: isBegun, withinMs: 60_000 })
    expect(await serve.end('SIGTERM')).toBe(0)
    expect(serve.out).toMatch(/stopping: .*\nstopped\n$/)
    expect(serve.err).not.toMatch(/^roost:/m)
  })
})

describe('roost simulate', () => {
  test('prints a script that a shell can read, with keys in files for their owner alone, and removes them', async () => {
    const simulate = start('simulate')
    const settings = await simulate.said(/^# {3}\. (\S+)$/m)
    await simulate.said(/(Ctrl-C)/)
    const read = `. ${settings} && echo "$ROOST_APNS_PRODUCTION_URL $IOS_TOKEN_1 $APNS_CREDENTIAL $FCM_CREDENTIAL"`
    const { stdout, stderr } = await promisify(execFile)('sh', ['-c', read])
    expect(stderr).toBe('')
    const [url, token, ...credentials] = stdout.trim().split(' ')
    expect(url).toMatch(/^https:\/\/127\.0\.0\.1:\d+$/)
    expect(token).toMatch(/^[0-9a-f]{64}$/)
    for (const file of [...credentials, settings]) expect((await stat(file)).mode & 0o077, file).toBe(0)
    expect(simulate.out).not.toContain('PRIVATE KEY')
    expect(await simulate.end('SIGINT')).toBe(0)
    expect(await readdir(temporary)).toEqual([])
  })
})

test.each(['--version', '-V'])('roost %s names the release and the Node that it runs on', async flag => {
  const { stdout } = await promisify(execFile)(process.execPath, [PROGRAM, flag])
  expect(stdout).toMatch(/^Roost \d+\.\d+\.\d+ on Node v\d+\.\d+\.\d+\n$/)
})

/** Port 9 is "discard": nobody listens there. */
const NO_GATEWAYS = Object.fromEntries(
  ['APNS_PRODUCTION', 'APNS_SANDBOX', 'FCM', 'GOOGLE_TOKEN', 'HMS', 'HMS_TOKEN'].map(it => [
    `ROOST_${it}_URL`,
    'https://127.0.0.1:9',
  ]),
)

describe('where there is no Roost', () => {
  test.each([
    ['jobs', 'list'],
    ['access', 'list'],
    ['apps', 'list'],
    ['devices', 'export', '--app', 'ABCDE-FGHIJ'],
    ['doctor', '--start-database'],
  ])('%s %s says so, how to name one, and makes nothing', async (...words) => {
    const data = join(temporary, 'data')
    const { code, out, err } = await run(words, { environment: { ...NO_GATEWAYS, ROOST_DATA_DIR: data } })
    expect(code).toBe(1)
    const said = (out + err).replaceAll(/\s+/g, ' ')
    expect(said).toContain(`there is no Roost in ${data}`)
    expect(said).toMatch(/→.*name its folder with ROOST_DATA_DIR/)
    expect(await readdir(temporary)).toEqual([])
  })
})
