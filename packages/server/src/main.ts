/**
 * Puts the server together: what is opened here and in start/ is closed in reverse.
 */
import { type Logger, pino } from 'pino'
import { AppDirectory } from './access/apps.ts'
import { Passwords } from './access/passwords.ts'
import { readInstallation, readSetupCode } from './access/setup-code.ts'
import { ServerTokens } from './access/tokens.ts'
import { Calls } from './calls/calls.ts'
import type { Config } from './config.ts'
import type { Seal } from './credentials/seal.ts'
import { Senders } from './credentials/senders.ts'
import { Dispatcher } from './dispatch/dispatcher.ts'
import { type AppOptions, buildApp } from './http/app.ts'
import type { HttpContext } from './http/context.ts'
import { CallLimits } from './http/limits.ts'
import { SessionCookie } from './http/session-cookie.ts'
import { SignInLimits } from './http/sign-in-limits.ts'
import { Receipts } from './insight/receipts.ts'
import { ReceiptSigner } from './insight/receipts-signature.ts'
import { Openings } from './insight/statistics/opens.ts'
import { JobRunner } from './jobs/runner.ts'
import { readSpread } from './jobs/spread.ts'
import { LiveChannels, type LiveChannelsOptions } from './live/channels.ts'
import { ImageProber } from './messages/images.ts'
import { noteOccasions } from './messages/triggers/occasions.ts'
import { PushTester } from './push-test/tester.ts'
import { Events } from './registry/events.ts'
import { Registrations } from './registry/register/register.ts'
import { Closers } from './start/closers.ts'
import { openDatabase, openNats } from './start/database.ts'
import { ensureServerToken } from './start/first-token.ts'
import { jobContext } from './start/jobs.ts'
import { closeApp, listen } from './start/listen.ts'
import { listenerOf } from './start/notices.ts'
import { ROLES, type Role, requireSharedDatabase } from './start/roles.ts'
import { openSeal } from './start/secret.ts'
import { stopSending } from './start/stop-sending.ts'
import { workOf } from './start/work.ts'
import type { Database } from './store/database.ts'
import { Listener } from './store/notices.ts'
import type { NatsNotices } from './store/notices-nats.ts'
import { type Clock, systemClock } from './time.ts'

export interface RunningServer {
  /** Where it listens, with the port that was chosen when ROOST_PORT is 0; '' without the role "api". */
  readonly url: string
  /** The server token made at a first start without ROOST_BOOTSTRAP_TOKEN; handed out only by the start that made it. */
  readonly firstToken: string | undefined
  /** With it the first owner is made; undefined when there is one, and without the role "api". */
  readonly setupCode: string | undefined
  readonly db: Database
  /** Takes no new requests, finishes what is in hand, and closes everything. */
  close(): Promise<void>
}

export interface StartOptions {
  readonly logger?: Logger
  readonly clock?: Clock
  /** How long requests in hand may take when the server stops, before they are cut. Default 5000. */
  readonly closeWithinMs?: number
  /** How long a client may take to send a request, ms. */
  readonly requestTimeoutMs?: number
  /** How long a stop serves open connections: one that is closed at once may have a call on its way. Default 0. */
  readonly drainMs?: number
  /** Between looks of the live channel for what no notice has told of. Default 1000. */
  readonly lookEveryMs?: number
  /** How long acknowledgements of a campaign over the live channel are waited for where it is dispatched, ms. Default 250. */
  readonly patienceMs?: number
  /** What this process does; the others on the same database do the rest. Default: all. */
  readonly roles?: readonly Role[]
  /** Aborted when it shall not start any more: what was opened is closed, and the start rejects with its reason. */
  readonly signal?: AbortSignal
}

/** Below the 10 seconds after which container runtimes kill. */
const CLOSE_WITHIN_MS = 5000

/** Throws StartError for what an operator can mend. */
export async function startServer(config: Config, options: StartOptions = {}): Promise<RunningServer> {
  const closers = new Closers()
  try {
    return await start(config, {
      logger: options.logger ?? pino({ level: config.logLevel }),
      clock: options.clock ?? systemClock,
      closeWithinMs: options.closeWithinMs ?? CLOSE_WITHIN_MS,
      http: {
        ...(options.requestTimeoutMs !== undefined && { requestTimeoutMs: options.requestTimeoutMs }),
        ...(options.drainMs !== undefined && { drainMs: options.drainMs }),
      },
      roles: new Set(options.roles ?? ROLES),
      live: { lookEveryMs: options.lookEveryMs, patienceMs: options.patienceMs },
      closers,
      signal: options.signal,
    })
  } catch (error) {
    await closers.close()
    throw error
  }
}

interface Starting {
  readonly logger: Logger
  readonly clock: Clock
  readonly closeWithinMs: number
  readonly http: AppOptions
  readonly roles: ReadonlySet<Role>
  readonly live: Pick<LiveChannelsOptions, 'lookEveryMs' | 'patienceMs'>
  readonly closers: Closers
  readonly signal: AbortSignal | undefined
}

async function start(config: Config, starting: Starting): Promise<RunningServer> {
  const { logger, clock, closeWithinMs, http, roles, closers, signal } = starting
  requireSharedDatabase(config, roles)
  const nats = await openNats(config, logger, closers)
  const { db, url: databaseUrl } = await openDatabase(config, { logger, closers, nats, signal })
  signal?.throwIfAborted()
  const seal = await openSeal(db, config)
  const firstToken = roles.has('api') ? await ensureServerToken(db, config) : undefined

  let channels: LiveChannels | undefined
  const senders = sendersOf(config, seal, clock)
  closers.push(() => senders.close())
  const dispatcher = new Dispatcher({ db, senders, clock, logger, here: () => channels })
  closers.push(() => stopSending(dispatcher, senders, { logger, closeWithinMs }))
  const serverTokens = new ServerTokens(db, clock)
  const apps = new AppDirectory(db, clock)
  const onNotice = listenerOf({ roles, dispatcher, serverTokens, apps, channels: () => channels })
  const listener = new Listener({ databaseUrl, logger, onNotice })
  closers.push(async () => (nats === undefined ? listener.close() : nats.stopListening()))
  if (roles.has('send')) dispatcher.start()
  if (nats !== undefined) await nats.start(db, onNotice)
  else if (roles.has('send') || roles.has('api')) await listener.start()

  const stop = new AbortController()
  const context = jobContext(config, { db, seal, clock, signal: stop.signal })
  const jobs = new JobRunner({ databaseUrl, context, clock, logger, spread: await readSpread(db) })
  closers.push(() => jobs.close())
  closers.push(async () => stop.abort())
  if (roles.has('jobs')) await jobs.start()
  const close = () => closers.close()
  if (!roles.has('api')) return { url: '', firstToken: undefined, setupCode: undefined, db, close }

  const { checks } = context
  const opened = { db, seal, nats, apps, serverTokens, dispatcher, jobs, checks }
  const served = await openApi(config, starting, opened)
  channels = served.channels
  const app = await buildApp(served, http)
  closers.push(() => closeApp(app, closeWithinMs))
  closers.push(() => served.channels.close())
  const setupCode = await readSetupCode(db, seal)
  return { url: await listen(app, config), firstToken, setupCode, db, close }
}

function sendersOf(config: Config, seal: Seal, clock: Clock): Senders {
  return new Senders({
    seal,
    clock,
    urls: config.gatewayUrls,
    fcmMessagesPerMinute: config.fcmMessagesPerMinute,
    extraCa: config.extraCa,
    allowPrivateEndpoints: config.allowPrivateEndpoints,
  })
}

interface Opened extends Pick<HttpContext, 'db' | 'seal' | 'apps' | 'serverTokens' | 'checks'> {
  readonly nats: NatsNotices | undefined
  readonly dispatcher: Dispatcher
  readonly jobs: JobRunner
}

/** What calls are answered with. */
async function openApi(
  config: Config,
  { clock, logger, roles, live, closers }: Starting,
  { dispatcher, jobs, ...opened }: Opened,
): Promise<HttpContext> {
  const { db, seal, apps } = opened
  const { extraCa, allowPrivateEndpoints } = config
  const work = workOf({ db, logger, roles, dispatcher, jobs })
  const registrations = new Registrations(db)
  const receipts = new Receipts(db)
  const openings = new Openings(db, error => logger.warn({ err: error }, 'openings are not counted yet'))
  closers.push(() => openings.close())
  const events = new Events({ db, onHappened: noteOccasions, onDue: () => work.poke() })
  closers.push(() => Promise.all([registrations.settled(), receipts.settled(), events.settled()]))
  const limits = new CallLimits({
    ...config.limits,
    clock,
    onRefused: refused =>
      logger.warn({ refused }, 'calls are refused: docs/configuration.md, "Limits of calls"'),
  })
  const signer = new ReceiptSigner(seal)
  const calls = new Calls({
    db,
    clock,
    giveWay: () => (roles.has('send') ? dispatcher.giveWay() : undefined),
    poke: () => work.poke('send'),
    tell: () => channels.lookForCalls(),
    announce: () => work.runSoon('webhook-delivery'),
  })
  const channels = new LiveChannels({ db, clock, logger, apps, limits, signer, calls, ...live })
  return {
    ...opened,
    ...work,
    clock,
    logger,
    tester: new PushTester({ db, seal, clock, urls: config.gatewayUrls, extraCa, allowPrivateEndpoints }),
    passwords: new Passwords(),
    signIns: new SignInLimits(clock),
    sessionCookie: new SessionCookie(await readInstallation(db, seal)),
    limits,
    registrations,
    receipts,
    signer,
    channels,
    calls,
    openings,
    events,
    allowPrivateEndpoints,
    renders: dispatcher.renders,
    images: new ImageProber({ clock, allowPrivate: allowPrivateEndpoints, extraCa }),
    trustedProxies: config.trustedProxies,
    connectionsPerClient: config.limits.connectionsPerClient,
  }
}
