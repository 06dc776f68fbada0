/** What `roost serve` and `roost simulate` say, where they say it, and how they end. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { eventually } from './support/eventually.ts'

const PROGRAM = fileURLToPath(new URL('../packages/server/bin/roost.js', import.meta.url))
const WITHIN_MS = 60_000

let temporary: string
let commands: Command[] = []
beforeEach(async () => {
  temporary = await mkdtemp(join(tmpdir(), 'roost-e2e-'))
})
afterEach(async () => {
  for (const command of commands) await command.end('SIGKILL')
  commands = []
  await rm(temporary, { recursive: true, force: true })
})

class Command {
  out = ''
  err = ''
  readonly #child: ChildProcess
  readonly #closed: Promise<unknown>

  constructor(name: 'serve' | 'simulate', environment: Readonly<Record<string, string>> = {}) {
    this.#child = spawn(process.execPath, [PROGRAM, name], {
      env: {
        PATH: process.env.PATH,
        TMPDIR: temporary,
        ROOST_DATA_DIR: join(temporary, 'data'),
        ROOST_PORT: '0',
        ...environment,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#child.stdout?.on('data', (chunk: Buffer) => {
      this.out += chunk.toString()
    })
    this.#child.stderr?.on('data', (chunk: Buffer) => {
      this.err += chunk.toString()
    })
    this.#closed = once(this.#child, 'close')
    commands.push(this)
  }

  async said(words: RegExp): Promise<string> {
    const { value } = await eventually({
      what: String(words),
      read: () => words.exec(this.out)?.[1],
      until: found => found !== undefined,
      withinMs: WITHIN_MS,
    })
    return value ?? ''
  }

  stopReading(): void {
    this.#child.stdout?.destroy()
  }

  async end(signal: NodeJS.Signals): Promise<number | null> {
    this.#child.kill(signal)
    await this.#closed
    return this.#child.exitCode
  }
}

const LISTENING = /listening on (http:\S+)/

describe('roost serve', () => {
  test.each(['SIGINT', 'SIGTERM'] as const)(
    'tells people on stdout and machines on stderr, and by %s ends with "stopped" and 0',
    async signal => {
      const serve = new Command('serve')
      await serve.said(LISTENING)
      expect(await serve.end(signal)).toBe(0)
      expect(serve.out).toMatch(/^Roost is listening on .*\n(?:.*\n)*stopping: .*\nstopped\n$/)
      expect(serve.out).not.toContain('{')
      const lines = serve.err.trimEnd().split('\n')
      for (const line of lines) expect(JSON.parse(line), line).toHaveProperty('msg')
    },
  )

  test('warns of a setting with a slip in its name, and starts', async () => {
    const serve = new Command('serve', { ROOST_PROT: '80' })
    await serve.said(LISTENING)
    expect(serve.err).toContain('roost: ROOST_PROT is not a setting; did you mean ROOST_PORT?\n')
  })

  test('goes on when nobody reads what it says any more, and stops cleanly', async () => {
    const serve = new Command('serve')
    const url = await serve.said(LISTENING)
    serve.stopReading()
    expect((await fetch(`${url}/readyz`)).status).toBe(200)
    expect(await serve.end('SIGTERM')).toBe(0)
    expect(serve.err).not.toContain('EPIPE')
  })
})

describe('roost simulate', () => {
  test('prints a script that a shell can read, with keys in files for their owner alone, and removes them', async () => {
    const simulate = new Command('simulate')
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
