/**
 * A month in minutes: the server, the stand-ins and a population of phones in one process, by one clock that whoever plays it
 * moves. The server's own timetable of jobs goes by real time, so its jobs are run at the moments at which the clock stops.
 */
import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { BaseNumbers, MessageView, NewMessage } from '@roost/protocol'
import { type BookDay, type Crowd, createCrowd, Life, type Simulator, startSimulator } from '@roost/simulator'
import { pino } from 'pino'
import { type Config, readConfig } from '../../../config.ts'
import { JOBS, type JobName } from '../../../jobs/jobs.ts'
import { runJob } from '../../../jobs/runs.ts'
import { startServer } from '../../../main.ts'
import { openJobs } from '../../../start/jobs.ts'
import { startEmbeddedPostgres } from '../../../store/embedded.ts'
import type { Clock } from '../../../time.ts'
import { restOf } from '../../rest.ts'
import { makeTemporaryFolder } from '../../temporary-folder.ts'
import type { BaseDay } from './by-the-book.ts'

export const DAY_MS = 24 * 60 * 60_000
const HOUR_MS = 60 * 60_000
const BUNDLE_ID = 'com.example.month'
const WITHIN_MS = 120_000
const POLL_MS = 20
/** Of the people's phones, in parts. */
const MIX = { ios: 40, android: 50, web: 10 }
const OPEN_RATE = 0.1
/** A dead token is still accepted for so long after the first push that told Apple of it. */
const APPLE_TELLS_WITHIN_MS = 9 * DAY_MS

export interface MonthOptions {
  readonly people: number
  /** Midnight (UTC) of its first day. */
  readonly startMs: number
  readonly days: number
  /** Devices that have not opened the app for so long leave the base. */
  readonly inactiveDays: number
}

export interface Month {
  readonly simulator: Simulator
  readonly life: Life
  readonly crowd: Crowd
  readonly consoleUrl: string
  /**
   * Plays a day (from 0 on): both halves of people's life, with the server's jobs at their times. `atNoon` is the time for
   * messages. Days come one after the other.
   */
  liveDay(day: number, atNoon?: () => Promise<unknown>): Promise<BookDay>
  /** After so many days: goes on for another one, after which what has died on the last is judged. */
  conclude(days: number): Promise<void>
  /** The statistics of the base, of so many days from the first on. */
  readBase(days: number): Promise<BaseDay[]>
  /** Moves the clock on to this hour of the day, and waits until nothing is being sent. */
  moveTo(day: number, hour: number): Promise<void>
  /** Below the app's path. */
  read<T>(path: string): Promise<T>
  /** Sends it and waits for its end, and until phones have reported. */
  send(message: NewMessage): Promise<MessageView>
  query<Row extends object>(sql: string, values?: readonly unknown[]): Promise<readonly Row[]>
  close(): Promise<void>
}

/** Counted already, or to be counted. */
const STORED_OPENS = `
  select coalesce(sum(n), 0)::integer as stored from (
    select n from stat_tally where metric = 'opens' union all
    select n from stat_hour where metric = 'opens' and scope = '') as opens`

/** The caller closes it. */
export async function openMonth(options: MonthOptions): Promise<Month> {
  const closers: Closer[] = []
  const close = async () => {
    for (const closer of closers.splice(0).reverse()) await closer()
  }
  try {
    return { ...(await open(options, closers)), close }
  } catch (error) {
    await close()
    throw error
  }
}

type Closer = () => unknown

async function open(options: MonthOptions, closers: Closer[]): Promise<Omit<Month, 'close'>> {
  const { startMs, inactiveDays } = options
  const clock = new MonthClock(startMs)
  const simulator = await startSimulator({ clock: () => clock.now() })
  closers.push(() => simulator.close())
  simulator.apns.configure({ fuzzyDeath: { minDelayMs: HOUR_MS, maxDelayMs: APPLE_TELLS_WITHIN_MS } })
  const token = randomBytes(24).toString('base64url')
  const config = await configFor(simulator, token, closers)
  const logger = pino({ level: 'error' }, pino.destination(2)) // no process has the role "jobs", of which it would warn
  const server = await startServer(config, { clock, logger, roles: ['api', 'send'] })
  closers.push(() => server.close())
  const jobs = await openJobs(config, clock)
  closers.push(() => jobs.close())

  const rest = restOf(server.url, token)
  const { code: app, deviceToken } = await rest<NewApp>('POST', '/v1/apps', { name: 'A month' })
  const projectId = await addCredentials(simulator, body => rest('POST', `/v1/apps/${app}/credentials`, body))
  await rest('PATCH', `/v1/apps/${app}/address-policy`, { removeInactive: true, inactiveDays })
  await rest('PUT', `/v1/apps/${app}/uninstall-tracking`, { enabled: true, quietDays: 5 })

  const roost = { baseUrl: server.url, app, deviceToken }
  const crowd = createCrowd({ simulator, roost, count: 0, mix: [], openRate: OPEN_RATE })
  closers.push(() => crowd.close())
  const life = lifeOf({ ...options, simulator, crowd, projectId })

  const run = async (names: readonly JobName[]) => {
    for (const name of names) await runJob(name, { context: jobs.context, clock, at: clock.now() })
  }
  const moveTo: Month['moveTo'] = async (day, hour) => {
    clock.moveTo(startMs + day * DAY_MS + hour * HOUR_MS)
    await server.db.announce('due') // or it would look by itself, up to half a second later
    await until('the end of all that is due', async () => {
      const { rows } = await server.db.query<{ open: number }>(OPEN, [new Date(clock.now())])
      return rows[0]?.open === 0 ? true : undefined
    })
  }
  return {
    simulator,
    life,
    crowd,
    consoleUrl: `${server.url}/#token=${token}`,
    moveTo,
    conclude: async days => {
      const opens = life.book.days.reduce((total, day) => total + day.opens, 0)
      await until('openings, which are stored each second', async () => {
        const { rows } = await server.db.query<{ stored: number }>(STORED_OPENS)
        return (rows[0]?.stored ?? 0) >= opens ? true : undefined
      })
      for (const day of [days, days + 1]) {
        await moveTo(day, 0)
        await run(MINUTELY)
      }
    },
    readBase: async days => {
      const [from, to] = [0, days - 1].map(day => new Date(startMs + day * DAY_MS).toISOString().slice(0, 10))
      const path = `/v1/apps/${app}/stats/base?from=${from}&to=${to}&by=day`
      const { rows } = await rest<{ rows: ReadBaseDay[] }>('GET', path)
      return rows.map(({ gateway: _gateway, optedOut: _out, optedIn: _in, ...day }) => day)
    },
    liveDay: async (day, atNoon) => {
      const later = shiftOf(day)
      await moveTo(day, 0)
      await run(MINUTELY)
      await run(DAILY)
      life.book.letGo(clock.now() - inactiveDays * DAY_MS)
      await moveTo(day, 8 + later)
      await playHalf(life)
      await moveTo(day, 12)
      await atNoon?.()
      await moveTo(day, 20 + later)
      await playHalf(life)
      await moveTo(day, 23.92)
      await run(MINUTELY)
      await moveTo(day, 23.92)
      return life.endDay()
    },
    read: path => rest('GET', `/v1/apps/${app}/${path}`),
    send: async message => {
      const { id } = await rest<{ id: string }>('POST', `/v1/apps/${app}/messages`, message)
      const path = `/v1/apps/${app}/messages/${id}`
      await until(`the end of message ${id}`, async () => {
        const { state } = await rest<MessageView>('GET', path)
        return state === 'done' ? true : undefined
      })
      await crowd.settled()
      return rest('GET', path)
    },
    query: async <Row extends object>(sql: string, values: readonly unknown[] = []) =>
      (await server.db.query<Row>(sql, [...values])).rows,
  }
}

/** Hours: later each day, so that nothing happens a day after something else to the very second. */
function shiftOf(day: number): number {
  return (day % 30) / 12
}

type ReadBaseDay = BaseDay & Pick<BaseNumbers, 'optedOut' | 'optedIn'> & { readonly gateway: null }

interface NewApp {
  readonly code: string
  readonly deviceToken: string
}

/** Real time goes on underneath. */
class MonthClock implements Clock {
  #offsetMs: number

  constructor(startMs: number) {
    this.#offsetMs = startMs - Date.now()
  }

  now(): number {
    return Date.now() + this.#offsetMs
  }

  moveTo(ms: number): void {
    if (ms < this.now() - HOUR_MS) throw new Error('the clock would go back')
    this.#offsetMs = Math.max(this.#offsetMs, ms - Date.now())
  }
}

async function configFor(simulator: Simulator, token: string, closers: Closer[]): Promise<Config> {
  const folder = await makeTemporaryFolder('roost-month-')
  closers.push(() => folder.remove())
  const database = await startEmbeddedPostgres({ dataDirectory: folder.path })
  closers.push(() => database.stop())
  const caFile = join(folder.path, 'ca.pem')
  await writeFile(caFile, simulator.caPem)
  return readConfig({
    ...simulator.environment(),
    ROOST_EXTRA_CA: caFile,
    ROOST_DATABASE_URL: database.url,
    ROOST_DATA_DIR: folder.path,
    ROOST_PORT: '0',
    ROOST_BOOTSTRAP_TOKEN: token,
  })
}

/** Gives back the Firebase project. */
async function addCredentials(
  simulator: Simulator,
  add: (credential: object) => Promise<unknown>,
): Promise<string> {
  const { projectId, serviceAccount } = await simulator.fcm.createProject()
  await add({ gateway: 'apns', kind: 'p8', ...simulator.apns.createTeamKey({ bundleId: BUNDLE_ID }) })
  await add({ gateway: 'fcm', kind: 'service-account', serviceAccount })
  return projectId
}

interface Living extends Pick<MonthOptions, 'people' | 'days'> {
  readonly simulator: Simulator
  readonly crowd: Crowd
  readonly projectId: string
}

function lifeOf({ simulator, crowd, projectId, people, days }: Living): Life {
  return new Life({
    simulator,
    crowd,
    people,
    days,
    mix: [
      { platform: { kind: 'ios', bundleId: BUNDLE_ID }, weight: MIX.ios },
      { platform: { kind: 'android', projectId }, weight: MIX.android },
      { platform: { kind: 'web' }, weight: MIX.web },
    ],
  })
}

async function playHalf(life: Life): Promise<void> {
  const { failed, reason } = await life.play()
  if (failed > 0) throw new Error(`${failed} calls of phones failed: ${reason}`)
}

async function until(what: string, read: () => Promise<true | undefined>): Promise<void> {
  const end = performance.now() + WITHIN_MS
  while ((await read()) === undefined) {
    if (performance.now() > end) throw new Error(`${what} has not come within ${WITHIN_MS} ms`)
    await pause(POLL_MS)
  }
}

const NAMES = Object.keys(JOBS) as JobName[]
/** By their times for a spread of 0. */
const DAILY = NAMES.filter(name => JOBS[name].cron(0) === '0 0 * * *')
const MINUTELY = NAMES.filter(name => !DAILY.includes(name))

/** Messages to begin, and batches to send, whose time has come. */
const OPEN = `
  select (select count(*) from message where state = 'scheduled' and send_at <= $1)::integer
       + (select count(*) from batch where state in ('waiting', 'sending') and due_at <= $1)::integer as open`
