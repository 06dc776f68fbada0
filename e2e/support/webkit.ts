/**
 * A real WebKit, GTK's, as near to Safari as Debian ships it. It has no headless mode, so it paints on a screen of its own (Xvfb), and it is driven by
 * its WebDriver, since puppeteer does not speak to it. Push is compiled out of it.
 * Source: W3C WebDriver §8 (sessions), §13.2 (execute async script).
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync } from 'node:fs'
import { readdir, readFile, readlink } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import { eventually } from './eventually.ts'

/** Set by `npm test`, which installs it; empty where it could not. */
export const WEBKIT = process.env.ROOST_TEST_WEBKIT ?? '/usr/bin/WebKitWebDriver'
/** Long beside what it takes, however busy the machine is: it bounds what would hang. */
const WITHIN_MS = 60_000
const LISTENS = '0A'

export interface WebKit {
  open(url: string): Promise<void>
  /** Runs it in the page, and gives back what it resolves to; throws what it rejects with. */
  evaluate<Argument, Value>(
    work: (argument: Argument) => Value | Promise<Value>,
    argument: Argument,
  ): Promise<Value>
  close(): Promise<void>
}

export async function launchWebKit(): Promise<WebKit> {
  const screen = spawn('Xvfb', ['-displayfd', '3', '-screen', '0', '1024x768x24', '-nolisten', 'tcp'], {
    stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
  })
  const [display] = (await once(screen.stdio[3] as Readable, 'data')) as [Buffer]
  const env = { ...process.env, DISPLAY: `:${display.toString().trim()}`, NO_AT_BRIDGE: '1' }
  const driver = spawn(WEBKIT, ['--port=0'], { env, stdio: 'ignore' })
  const url = `http://127.0.0.1:${await portOf(driver)}`
  const { sessionId } = await command<{ sessionId: string }>('POST', `${url}/session`, {
    capabilities: {
      alwaysMatch: {
        'webkitgtk:browserOptions': { binary: miniBrowser(), args: ['--automation'] },
        timeouts: { script: WITHIN_MS },
      },
    },
  })
  const session = `${url}/session/${sessionId}`
  return {
    open: page => command('POST', `${session}/url`, { url: page }),
    evaluate: async (work, argument) => {
      const body = { script: scriptOf(work), args: [argument] }
      const done = await command<Done<never>>('POST', `${session}/execute/async`, body)
      if (done.error !== undefined) throw new Error(done.error)
      return done.value
    },
    async close() {
      await command('DELETE', session)
      await end(driver)
      await end(screen)
    },
  }
}

interface Done<Value> {
  readonly value: Value
  readonly error?: string
}

function scriptOf(work: (argument: never) => unknown): string {
  return `const [argument, done] = arguments
    ;(async () => (${work})(argument))().then(value => done({ value }), error => done({ error: String(error) }))`
}

async function command<Value>(method: string, url: string, body?: object): Promise<Value> {
  const answer = await fetch(url, { method, ...(body && { body: JSON.stringify(body) }) })
  const { value } = (await answer.json()) as { value: Value }
  if (!answer.ok) throw new Error(`${method} ${url}: ${JSON.stringify(value)}`)
  return value
}

/** It takes a free one and tells nobody which. */
async function portOf({ pid }: ChildProcess): Promise<number> {
  const { value } = await eventually({
    what: 'the port of the WebDriver',
    read: () => listeningPort(Number(pid)),
    until: port => port !== undefined,
    withinMs: WITHIN_MS,
  })
  return Number(value)
}

async function listeningPort(pid: number): Promise<number | undefined> {
  const files = await readdir(`/proc/${pid}/fd`)
  const links = await Promise.all(files.map(it => readlink(`/proc/${pid}/fd/${it}`).catch(() => '')))
  const lines = (await readFile('/proc/net/tcp', 'utf8')).split('\n').map(it => it.trim().split(/\s+/))
  const own = lines.find(it => it[3] === LISTENS && links.includes(`socket:[${it[9]}]`))
  return own?.[1] === undefined ? undefined : Number.parseInt(own[1].split(':')[1] ?? '', 16)
}

/** Beside its library, which lies in a folder of the machine's architecture and of its own version. */
function miniBrowser(): string {
  const found = readdirSync('/usr/lib', { withFileTypes: true })
    .filter(it => it.isDirectory() && it.name.includes('-linux-gnu'))
    .flatMap(it => readdirSync(`/usr/lib/${it.name}`).map(name => `/usr/lib/${it.name}/${name}/MiniBrowser`))
    .find(it => it.includes('webkit2gtk') && existsSync(it))
  if (found === undefined) throw new Error('No MiniBrowser under /usr/lib: apt-get install webkit2gtk-driver')
  return found
}

async function end(child: ChildProcess): Promise<void> {
  const ended = once(child, 'exit')
  if (child.kill()) await ended
}
