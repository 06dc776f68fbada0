/**
 * The demo as its users run it: it ends by itself, its figures are those that were counted outside the server, and it
 * leaves nothing behind, wherever it is stopped.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { eventually } from './support/eventually.ts'

const PROGRAM = fileURLToPath(new URL('../packages/server/bin/roost.js', import.meta.url))

interface Report {
  readonly agrees: boolean
  readonly registered: number
  readonly uninstalled: number
  readonly removed: number
  readonly cameBack: number
  readonly restored: number
  readonly sends: readonly {
    readonly database: Readonly<Record<string, number>>
    readonly simulator: Readonly<Record<string, number>>
  }[]
}

test('the figures of the demo come from the database and are those that the stand-ins counted', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [
    PROGRAM,
    'demo',
    '--exit',
    '--json',
    '--phones',
    '600',
  ])
  const report = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Report
  expect(report).toMatchObject({
    agrees: true,
    registered: 600,
    uninstalled: 30,
    removed: 30,
    cameBack: 12,
    restored: 12,
  })
  expect(report.sends.map(send => send.database.accepted)).toEqual([240, 570, 12])
  for (const { database, simulator } of report.sends) {
    expect(database.accepted).toBe(simulator.accepted)
    expect(database.dead).toBe(simulator.refused)
    expect(database.delivered).toBe(simulator.delivered)
    expect(database.targeted).toBe((database.accepted ?? 0) + (database.dead ?? 0))
  }
})

interface MonthReport {
  readonly agrees: boolean
  readonly people: number
  readonly days: readonly { readonly at: string; readonly opens: number; readonly reachable: number }[]
}

test("a month of the demo ends yesterday, and its charts are those of the simulator's own book", async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [
    PROGRAM,
    ...['demo', '--month', '--exit', '--json', '--phones', '100'],
  ])
  const report = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as MonthReport
  expect(report).toMatchObject({ agrees: true, people: 100 })
  expect(report.days).toHaveLength(30)
  expect(report.days.every(day => day.opens > 0 && day.reachable > 0)).toBe(true)
}, 600_000)

describe('stopped in the middle', () => {
  let temporary: string
  beforeEach(async () => {
    temporary = await mkdtemp(join(tmpdir(), 'roost-e2e-'))
  })
  afterEach(async () => {
    for (const demo of demos.splice(0)) await demo.kill()
    await rm(temporary, { recursive: true, force: true })
  })
  const startHere = () => new Demo(temporary)

  /** initdb writes into a draft beside the place of the database. */
  const databaseBegun = async () => {
    const { value } = await eventually({
      what: 'a database being made',
      read: () => readdir(temporary, { recursive: true }).catch(() => []),
      until: names => names.some(name => name.includes('postgres.new-')),
      withinMs: 60_000,
    })
    return value
  }

  test.each<[string, (demo: Demo) => Promise<unknown>]>([
    ['the stand-ins start', demo => demo.said('Starting PostgreSQL')],
    ['the database is being made', databaseBegun],
    ['phones register', demo => demo.said('registered 5000/')],
    ['a message is being sent', demo => demo.said('a message to a segment')],
  ])('by Ctrl-C while %s, it says so, ends with 130 and leaves no file', async (_when, moment) => {
    const demo = startHere()
    await moment(demo)
    demo.signal('SIGINT')
    await demo.said('stopping…')
    expect(await demo.ended()).toEqual({ code: 130, err: '' })
    expect(demo.out).toMatch(/stopping…\n$/)
    expect(await readdir(temporary)).toEqual([])
  })

  test('by a second Ctrl-C, it ends at once and leaves no file', async () => {
    const demo = startHere()
    await databaseBegun()
    demo.signal('SIGINT')
    await demo.said('stopping…')
    // A signal within the first moment is taken for the same Ctrl-C, so they go on until one counts.
    const again = setInterval(() => demo.signal('SIGINT'), 60)
    expect(await demo.ended()).toEqual({ code: 130, err: '' })
    clearInterval(again)
    expect(await readdir(temporary)).toEqual([])
  })

  test('by a reader that has read enough, it ends quietly and leaves no file', async () => {
    const demo = startHere()
    await demo.said('Starting PostgreSQL')
    demo.stopReading()
    expect(await demo.ended()).toEqual({ code: 0, err: '' })
    expect(await readdir(temporary)).toEqual([])
  })
})

test('a TMPDIR that is not there is told in two lines', async () => {
  const demo = new Demo('/no/such/folder')
  const { code, err } = await demo.ended()
  expect(code).toBe(1)
  expect(err).toMatch(/^roost: .*\/no\/such\/folder.*\n {2}→ .*TMPDIR.*\n$/)
})

const demos: Demo[] = []

/** One `roost demo`. */
class Demo {
  out = ''
  readonly #child: ChildProcess
  readonly #closed: Promise<unknown>
  #err = ''

  constructor(temporary: string) {
    this.#child = spawn(process.execPath, [PROGRAM, 'demo'], {
      env: { PATH: process.env.PATH, TMPDIR: temporary },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#child.stdout?.on('data', (chunk: Buffer) => {
      this.out += chunk.toString()
    })
    this.#child.stderr?.on('data', (chunk: Buffer) => {
      this.#err += chunk.toString()
    })
    this.#closed = once(this.#child, 'close')
    demos.push(this)
  }

  async said(words: string): Promise<void> {
    await eventually({
      what: words,
      read: () => this.out,
      until: out => out.includes(words),
      withinMs: 60_000,
    })
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name)
  }

  stopReading(): void {
    this.#child.stdout?.destroy()
  }

  async ended(): Promise<{ readonly code: number | null; readonly err: string }> {
    await this.#closed
    return { code: this.#child.exitCode, err: this.#err }
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#closed
  }
}
