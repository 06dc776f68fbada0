/**
 * The demo's story: thousands of simulated phones of three kinds register, get a message, some vanish, the next message
 * finds that out, some come back. Every figure is read from the server's own API, and then held against what the
 * stand-ins and the phones counted themselves.
 */
import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { MessageCounts, NewMessage } from '@roost/protocol'
import { type Crowd, createCrowd, type Phone, type Simulator, startSimulator } from '@roost/simulator'
import { pino } from 'pino'
import { readConfig } from '../../config.ts'
import { hashOf } from '../../insight/receipts.ts'
import { type RunningServer, startServer } from '../../main.ts'
import { makeTemporaryFolder } from '../temporary-folder.ts'
import { DemoApi } from './api.ts'
import { DemoClock } from './clock.ts'
import type { Screen } from './screen.ts'

export interface DemoOptions {
  readonly phones: number
  readonly screen: Screen
  /** Aborted when the story shall stop where it is. */
  readonly signal: AbortSignal
}

/** One send, as the server's database has it and as the other side counted it. */
export interface SendReport {
  readonly title: string
  readonly database: MessageCounts
  readonly simulator: { readonly accepted: number; readonly refused: number; readonly delivered: number }
}

export interface DemoReport {
  readonly phones: number
  readonly registered: number
  readonly sends: readonly SendReport[]
  readonly uninstalled: number
  readonly removed: number
  readonly cameBack: number
  readonly restored: number
  /** True when every figure of the database is the one that was counted outside. */
  readonly agrees: boolean
}

export interface Demo {
  readonly report: DemoReport
  /** The console, with a token that is good for this demo only. */
  readonly consoleUrl: string
  close(): Promise<void>
}

const BUNDLE_ID = 'com.example.roost'
const CITIES = ['Porto', 'Kyoto', 'Pune', 'Kazan', 'Chengdu', 'Recife']
const UNINSTALL_SHARE = 0.05
const COME_BACK_SHARE = 0.4
const OPEN_RATE = 0.12
const POLL_MS = 100

/**
 * Plays the story to its end, or rejects when `signal` is aborted. The caller closes what it gets; after a failure or a
 * stop nothing is left running, and no file is left.
 */
export async function playDemo(options: DemoOptions): Promise<Demo> {
  const closers: Closer[] = []
  const close = async () => {
    for (const closer of closers.splice(0).reverse()) await closer()
  }
  const story = async () => {
    const stage = await openStage({ ...options, closers })
    return { report: await play(stage), consoleUrl: stage.consoleUrl, close }
  }
  try {
    return await Promise.race([story(), rejectWhen(options.signal)])
  } catch (error) {
    await close()
    throw error
  }
}

function rejectWhen(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason)
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}

interface Stage {
  readonly screen: Screen
  readonly clock: DemoClock
  readonly simulator: Simulator
  readonly api: DemoApi
  readonly app: string
  readonly crowd: Crowd
  readonly consoleUrl: string
}

type Closer = () => unknown

async function openStage(options: DemoOptions & { readonly closers: Closer[] }): Promise<Stage> {
  const { phones, screen, closers } = options
  screen.step('Starting PostgreSQL, the server and stand-ins for Apple, Google and a browser push service')
  const clock = new DemoClock(10)
  const folder = await makeTemporaryFolder('roost-demo-')
  closers.push(() => folder.remove())
  const simulator = await opened(startSimulator({ clock: () => clock.now() }), options)
  const token = randomBytes(24).toString('base64url')
  const server = await opened(startDemoServer({ simulator, clock, folder: folder.path, token }), options)
  const api = new DemoApi(server.url, token)
  const { code: app, deviceToken } = await api.createApp('Demo')
  const team = simulator.apns.createTeamKey({ bundleId: BUNDLE_ID })
  const project = await simulator.fcm.createProject()
  await api.addCredential(app, { gateway: 'apns', kind: 'p8', ...team })
  await api.addCredential(app, {
    gateway: 'fcm',
    kind: 'service-account',
    serviceAccount: project.serviceAccount,
  })
  screen.say(`app ${app} on ${server.url}, with credentials for APNs, FCM and Web Push`)
  screen.step(`Day 0: ${phones.toLocaleString('en')} phones start the app for the first time`)
  const bar = screen.progress('registered', phones)
  const crowd = createCrowd({
    simulator,
    roost: { baseUrl: server.url, app, deviceToken },
    count: phones,
    mix: [
      { platform: { kind: 'android', projectId: project.projectId }, weight: 60 },
      { platform: { kind: 'ios', bundleId: BUNDLE_ID }, weight: 30 },
      { platform: { kind: 'web' }, weight: 10 },
    ],
    tagsFor: index => ({ plan: index % 5 < 2 ? 'pro' : 'free', city: CITIES[index % CITIES.length] }),
    openRate: OPEN_RATE,
    onProgress: registered => bar.update(registered),
  })
  closers.push(() => crowd.close())
  await crowd.register()
  bar.end()
  clock.advanceDays(1)
  return { screen, clock, simulator, api, app, crowd, consoleUrl: `${server.url}/#token=${token}` }
}

/** Stopped while it opens, a thing is waited for and closed: a database can't be left half-made. */
async function opened<T extends { close(): Promise<void> }>(
  opening: Promise<T>,
  { closers, signal }: { readonly closers: Closer[]; readonly signal: AbortSignal },
): Promise<T> {
  closers.push(() =>
    opening.then(
      it => it.close(),
      () => undefined, // the story tells why it failed
    ),
  )
  const it = await opening
  signal.throwIfAborted()
  return it
}

async function startDemoServer(options: {
  readonly simulator: Simulator
  readonly clock: DemoClock
  readonly folder: string
  readonly token: string
}): Promise<RunningServer> {
  const caFile = join(options.folder, 'ca.pem')
  await writeFile(caFile, options.simulator.caPem)
  const config = readConfig({
    ...options.simulator.environment(),
    ROOST_EXTRA_CA: caFile,
    ROOST_PORT: '0',
    ROOST_DATA_DIR: join(options.folder, 'data'),
    ROOST_BOOTSTRAP_TOKEN: options.token,
    ROOST_LOG_LEVEL: 'warn',
  })
  return startServer(config, { clock: options.clock, logger: pino({ level: 'warn' }, pino.destination(2)) })
}

async function play(stage: Stage): Promise<DemoReport> {
  const { screen, clock, api, app, crowd } = stage
  await showBase(stage)

  const toSegment: NewMessage['to'] = { condition: { tag: 'plan', op: 'eq', value: 'pro' } }
  const first = await act(stage, 'Day 1: a message to a segment (plan = pro)', {
    to: toSegment,
    content: { title: 'Welcome to Pro', body: 'Your new tools are ready.' },
  })

  clock.advanceDays(4)
  const gone = pick(crowd.phones, UNINSTALL_SHARE)
  for (const phone of gone) phone.uninstall()
  screen.step(`Day 5: ${gone.length.toLocaleString('en')} people remove the app. Nobody tells the server.`)
  const before = await api.stats(app)
  screen.say(`the base still counts ${before.reachable.toLocaleString('en')} reachable devices`)

  clock.advanceDays(1)
  const second = await act(stage, 'Day 6: a message to everybody', {
    to: { all: true },
    content: { title: 'Autumn sale', body: 'Everything is a third off.', url: 'https://example.com/sale' },
  })
  const after = await api.stats(app)
  await showRemoved(stage, second.id)

  clock.advanceDays(10)
  const returning = pick(gone, COME_BACK_SHARE)
  screen.step(`Today: ${returning.length.toLocaleString('en')} of them install the app again`)
  await Promise.all(returning.map(phone => phone.comeBack()))
  const restored = await api.stats(app)
  const third = await act(stage, 'A message to those who came back', {
    to: { devices: returning.map(phone => phone.hwid) },
    content: { title: 'Good to see you again' },
  })
  await showBase(stage)
  await showLedger(stage, returning[0])

  const report: Omit<DemoReport, 'agrees'> = {
    phones: crowd.phones.length,
    registered: crowd.counts().registered,
    sends: [first.report, second.report, third.report],
    uninstalled: gone.length,
    removed: before.reachable - after.reachable,
    cameBack: returning.length,
    restored: restored.reachable - after.reachable,
  }
  return { ...report, agrees: agrees(report, before.reachable) }
}

function agrees(report: Omit<DemoReport, 'agrees'>, reachable: number): boolean {
  const sendsAgree = report.sends.every(
    ({ database, simulator }) =>
      database.accepted === simulator.accepted &&
      database.dead === simulator.refused &&
      database.delivered === simulator.delivered &&
      database.failed + database.skipped + database.uncertain === 0,
  )
  return (
    sendsAgree &&
    report.registered === report.phones &&
    reachable === report.phones &&
    report.removed === report.uninstalled &&
    report.restored === report.cameBack
  )
}

interface Sent {
  readonly id: string
  readonly report: SendReport
}

/** Sends a message, follows it to its end, and waits for the receipts of what arrived. */
async function act(stage: Stage, step: string, message: NewMessage): Promise<Sent> {
  const { screen, api, app, crowd, simulator } = stage
  screen.step(step)
  const receiptsBefore = crowd.counts().shown
  const { id } = await api.send(app, message)
  await follow(stage, id)
  await crowd.settled()
  const { counts } = await api.message(app, id)
  const { acceptances } = simulator.acceptedFor(hashOf(id))
  const attempts = [...simulator.attemptsFor(hashOf(id)).values()].reduce((sum, n) => sum + n, 0)
  const report: SendReport = {
    title: message.content.title ?? '',
    database: counts,
    simulator: {
      accepted: acceptances,
      refused: attempts - acceptances,
      delivered: crowd.counts().shown - receiptsBefore,
    },
  }
  showSend(screen, report)
  return { id, report }
}

async function follow({ screen, api, app }: Stage, id: string): Promise<void> {
  const bar = screen.progress('sending', 100)
  for (;;) {
    const message = await api.message(app, id)
    bar.update(Math.round(message.progress * 100))
    if (message.state === 'done') break
    await new Promise(resolve => setTimeout(resolve, POLL_MS))
  }
  bar.end()
}

function showSend(screen: Screen, { database, simulator }: SendReport): void {
  screen.table(
    ['', 'the database says', 'counted outside'],
    [
      ['addressed', database.targeted, simulator.accepted + simulator.refused],
      ['accepted by a gateway', database.accepted, simulator.accepted],
      ['address dead', database.dead, simulator.refused],
      ['delivered (receipts)', database.delivered, simulator.delivered],
      ['opened (receipts)', database.opened, '–'],
    ],
  )
}

async function showBase({ screen, api, app }: Stage): Promise<void> {
  const stats = await api.stats(app)
  screen.table(
    ['platform', 'devices', 'reachable', 'dead'],
    stats.byPlatform.map(row => [row.platform, row.devices, row.active + row.suspect, row.dead]),
  )
}

async function showRemoved({ screen, api, app }: Stage, messageId: string): Promise<void> {
  screen.say('what was removed, and why:')
  const exceptions = await api.exceptions(app, messageId)
  screen.table(
    ['gateway', 'its answer', 'devices'],
    exceptions.map(row => [row.gateway ?? '', row.reason, row.count]),
  )
}

async function showLedger({ screen, api, app }: Stage, phone: Phone | undefined): Promise<void> {
  if (phone === undefined) return
  screen.say(`the ledger of one of them, ${phone.hwid}:`)
  for (const entry of await api.ledger(app, phone.hwid)) {
    const why = entry.reason === null ? '' : ` (${entry.reason})`
    screen.say(`  ${entry.at.slice(0, 10)}  ${entry.event}${why}  …${entry.addressEnd}`)
  }
}

/** Spread evenly over the list, so that all kinds of phones are among them. */
function pick(phones: readonly Phone[], share: number): Phone[] {
  return phones.filter((_, index) => Math.floor((index + 1) * share) > Math.floor(index * share))
}
