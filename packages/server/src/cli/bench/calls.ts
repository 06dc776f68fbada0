/**
 * `roost bench calls`: how long it takes from the request of a call until a device rings, over its channel and by push, while a campaign
 * runs to a base of so many devices. The server, PostgreSQL and the stand-ins run on this machine, as for `roost bench send`.
 */
import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { Command } from 'commander'
import type { Screen } from '../demo/screen.ts'
import { printing, wholeNumber } from './bench-command.ts'
import { closing } from './bench-database.ts'
import { hwidOf } from './device-calls.ts'
import { percentile } from './figures.ts'
import { LiveSocket } from './live-socket.ts'
import { type Bench, prepare, untilDone } from './send.ts'

export interface CallsBenchOptions {
  readonly devices: number
  /** Campaigns, one after the other; the first of a process is slower. */
  readonly rounds: number
  /** Calls are made so many times without any campaign, and nothing else. */
  readonly alone?: number
  /** Between a pair of calls, one by each road, and the next, ms. */
  readonly pause: number
  readonly json?: boolean
}

export interface CallsBenchReport {
  readonly devices: number
  /** From the POST until the frame has come. */
  readonly socket: Times
  /** From the POST until the stand-in of the gateway has it. */
  readonly push: Times
}

interface Times {
  readonly count: number
  readonly p50Ms: number
  readonly p99Ms: number
}

const PAUSE_MS = 20
/** The first calls of a process compile, and open connections. */
const WARM_UP = 20
const BODY = 'The quick brown fox jumps over the lazy dog.'

export function callsBenchCommand(): Command {
  return new Command('calls')
    .description('Make calls while a campaign runs, and say how long devices take to ring')
    .option('--devices <n>', 'devices in the base, half of each gateway', wholeNumber(100, 2e7), 100_000)
    .option('--rounds <n>', 'campaigns', wholeNumber(1, 100), 2)
    .option('--alone <n>', 'so many calls without a campaign instead', wholeNumber(1, 100_000))
    .option('--pause <ms>', 'between two pairs of calls', wholeNumber(0, 60_000), PAUSE_MS)
    .option('--json', 'print one line of JSON only')
    .addHelpText(
      'after',
      '\nUses the embedded PostgreSQL in a temporary folder, or with ROOST_DATABASE_URL a database of its own beside the\none that is named, which it drops afterwards. The last line of output is one line of JSON.',
    )
    .action(printing(benchCalls))
}

async function benchCalls(
  options: CallsBenchOptions,
  environment: NodeJS.ProcessEnv,
  screen: Screen,
): Promise<CallsBenchReport> {
  return closing(async closers => {
    const bench = await prepare({ ...options, dead: 0 }, { environment, screen, closers })
    const callees = await makeCallees(bench)
    closers.push(async () => callees.close())
    const times: CallTimes = { socket: [], push: [] }
    const { rounds, alone, pause } = options
    for (let i = 0; i < WARM_UP; i++) await callBoth(bench, callees, { socket: [], push: [] })
    const callOnce = async () => {
      await callBoth(bench, callees, times)
      await delay(pause)
    }
    if (alone === undefined) for (let i = 0; i < rounds; i++) await besideCampaign(bench, callOnce, screen)
    else for (let i = 0; i < alone; i++) await callOnce()
    return { devices: options.devices, socket: timesOf(times.socket), push: timesOf(times.push) }
  })
}

interface CallTimes {
  /** ms. */
  readonly socket: number[]
  readonly push: number[]
}

/** Whom calls are for: one whose app is open, and one who is pushed. */
interface Callees {
  readonly open: string
  readonly away: string
  /** When the frame of this call came. */
  framed(callId: string): Promise<number>
  /** Resolves once the push of this call is listened for; `arrivedAt`: when it came. */
  pushed(callId: string): Promise<{ readonly arrivedAt: Promise<number> }>
  close(): void
}

async function makeCallees(bench: Bench): Promise<Callees> {
  const [open, away] = [randomUUID(), randomUUID()]
  await bench.db.query('update device set user_id = $2 where hwid = $1', [hwidOf(1), open])
  await bench.db.query('update device set user_id = $2 where hwid = $1', [hwidOf(0), away])
  const { rows } = await bench.db.query<{ address: string }>('select address from address where hwid = $1', [
    hwidOf(0),
  ])
  const token = rows[0]?.address ?? ''
  const waiting = new Map<string, (at: number) => void>()
  const socket = await connect(bench, open, text => {
    const frame = JSON.parse(text.toString()) as {
      readonly type: string
      readonly call?: { readonly id: string }
    }
    if (frame.type === 'call') waiting.get(frame.call?.id ?? '')?.(performance.now())
  })
  const pushes = new Map<string, (at: number) => void>()
  bench.standIns.on(report => {
    if ('arrivedAt' in report && report.text !== undefined) pushes.get(report.text)?.(report.arrivedAt)
  })
  return {
    open,
    away,
    framed: id => new Promise(resolve => waiting.set(id, resolve)),
    pushed: async text => {
      const arrivedAt = new Promise<number>(resolve => pushes.set(text, resolve))
      await bench.standIns.ask({ do: 'phone', token, text }, report => 'listensFor' in report)
      return { arrivedAt }
    },
    close: () => socket.close(),
  }
}

async function connect(
  { server, app, deviceToken }: Bench,
  userId: string,
  onText: (text: Buffer) => void,
): Promise<LiveSocket> {
  const { hostname: host, port } = new URL(server.url)
  let welcomed: () => void = () => undefined
  const isWelcome = new Promise<void>(resolve => {
    welcomed = resolve
  })
  const options = {
    host,
    port: Number(port),
    path: '/v1/live/channel',
    localAddress: '127.0.0.1',
    localPort: 0, // any
    onText: (_: LiveSocket, text: Buffer) => {
      if (text.includes('"welcome"')) welcomed()
      onText(text)
    },
    onClose: () => undefined,
  }
  const socket = await LiveSocket.open(options)
  socket.say({ type: 'hello', app, deviceToken, hwid: hwidOf(1), userId, state: 'online' })
  await isWelcome
  return socket
}

async function besideCampaign(bench: Bench, call: () => Promise<void>, screen: Screen): Promise<void> {
  const { id } = await bench.rest<{ id: string }>('POST', `/v1/apps/${bench.app}/messages`, {
    to: { all: true },
    content: { title: 'Hello {{ tags.name }}', body: BODY },
  })
  let calls = 0
  const end = { isReached: false }
  const done = untilDone(bench.db, id).then(() => {
    end.isReached = true
  })
  for (; !end.isReached; calls++) await call()
  await done
  screen.say(`campaign done, ${calls} calls by each road meanwhile`)
}

async function callBoth(bench: Bench, callees: Callees, times: CallTimes): Promise<void> {
  times.socket.push(await callOpen(bench, callees))
  times.push.push(await callAway(bench, callees))
}

async function callOpen(bench: Bench, callees: Callees): Promise<number> {
  const id = randomUUID()
  const framed = callees.framed(id)
  const beganAt = performance.now()
  await call(bench, id, callees.open)
  const ms = (await framed) - beganAt
  await end(bench, id)
  return ms
}

/** By the clock of the machine, which the stand-ins read in a process of their own. */
async function callAway(bench: Bench, callees: Callees): Promise<number> {
  const id = randomUUID()
  const { arrivedAt } = await callees.pushed(id)
  const beganAt = Date.now()
  await call(bench, id, callees.away)
  const ms = (await arrivedAt) - beganAt
  await end(bench, id)
  return ms
}

async function call({ rest, app }: Bench, id: string, callee: string): Promise<void> {
  await rest('POST', `/v1/apps/${app}/calls`, { id, caller: { name: 'Anna' }, callees: [callee] })
}

/** What follows of a call is part of what runs beside the next one. */
async function end({ rest, app }: Bench, id: string): Promise<void> {
  await rest('POST', `/v1/apps/${app}/calls/${id}/cancel`)
}

function timesOf(values: readonly number[]): Times {
  const sorted = Float64Array.from(values)
  const ms = (share: number) => Number(percentile(sorted, share).toFixed(1))
  return { count: values.length, p50Ms: ms(0.5), p99Ms: ms(0.99) }
}
