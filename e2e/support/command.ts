/** The `roost` command as people run it: a process of its own, whose output is kept as it comes. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { eventually } from './eventually.ts'

export const PROGRAM = fileURLToPath(new URL('../../packages/server/bin/roost.js', import.meta.url))
/** What `roost serve` says once it can be called. */
export const LISTENING = /listening on (http:\S+)/
const WITHIN_MS = 90_000

export interface CommandOptions {
  /** All that it knows beside PATH. */
  readonly environment?: NodeJS.ProcessEnv
  /** Default: that of the test. */
  readonly cwd?: string
}

export interface Ended {
  /** Null when a signal ended it. */
  readonly code: number | null
  readonly out: string
  readonly err: string
}

const running = new Set<Command>()

/** Ends what the test file has started and what still runs. */
export async function endCommands(signal: NodeJS.Signals): Promise<void> {
  await Promise.all([...running].map(it => it.end(signal)))
}

export class Command {
  out = ''
  err = ''
  readonly #child: ChildProcess
  readonly #closed: Promise<unknown>
  #isClosed = false

  constructor(args: readonly string[], { environment, cwd }: CommandOptions = {}) {
    this.#child = spawn(process.execPath, [PROGRAM, ...args], {
      env: { PATH: process.env.PATH, ...environment },
      cwd,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#child.stdout?.on('data', (chunk: Buffer) => {
      this.out += chunk.toString()
    })
    this.#child.stderr?.on('data', (chunk: Buffer) => {
      this.err += chunk.toString()
    })
    running.add(this)
    this.#closed = once(this.#child, 'close').then(() => {
      this.#isClosed = true
      running.delete(this)
    })
  }

  /** Waits for these words on stdout, and gives back the first group in them, else all. Throws where it ends without. */
  async said(words: RegExp): Promise<string> {
    const { value } = await eventually({
      what: String(words),
      read: () => words.exec(this.out) ?? (this.#isClosed ? 'ended' : undefined),
      until: found => found !== undefined,
      withinMs: WITHIN_MS,
    })
    if (typeof value !== 'object') throw new Error(`it ended without ${words}:\n${this.err}${this.out}`)
    return value[1] ?? value[0]
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }

  stopReading(): void {
    this.#child.stdout?.destroy()
  }

  async ended(): Promise<Ended> {
    await this.#closed
    return { code: this.#child.exitCode, out: this.out, err: this.err }
  }

  /** Gives back its exit code. One that has ended already is no fault. */
  async end(signal: NodeJS.Signals): Promise<number | null> {
    this.#child.kill(signal)
    return (await this.ended()).code
  }
}

/** Until it ends, in whatever way. */
export function run(args: readonly string[], options: CommandOptions = {}): Promise<Ended> {
  return new Command(args, options).ended()
}

/** What it printed, without the space at its end. Throws where it ends with another code than 0. */
export async function outputOf(args: readonly string[], options: CommandOptions = {}): Promise<string> {
  const { code, out, err } = await run(args, options)
  if (code !== 0) throw new Error(`roost ${args.join(' ')} ended with ${code}:\n${err}${out}`)
  return out.trim()
}

/** `roost serve` for as long as the work with its URL takes; its stop waits for what was asked of it. */
export async function whileServing(
  environment: NodeJS.ProcessEnv,
  work: (url: string) => Promise<void>,
): Promise<void> {
  const serve = new Command(['serve'], { environment })
  try {
    await work(await serve.said(LISTENING))
  } finally {
    await serve.end('SIGTERM')
  }
}
