/**
 * Puts the server together: the only file that opens resources, and it closes them in reverse.
 */
import { join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import { type Logger, pino } from 'pino'
import { AppDirectory } from './access/apps.ts'
import { Passwords } from './access/passwords.ts'
import { readInstallation, readSetupCode } from './access/setup-code.ts'
import { hasServerToken, newToken, ServerTokens, storeToken } from './access/tokens.ts'
import { Calls } from './calls/calls.ts'
import type { Config } from './config.ts'
import { CredentialChecks } from './credentials/checks.ts'
import { Seal } from './credentials/seal.ts'
import { Senders } from './credentials/senders.ts'
import { type Accepted, acceptMessages, type ToldFault } from './dispatch/accept.ts'
import { Dispatcher } from './dispatch/dispatcher.ts'
import { type AppOptions, buildApp } from './http/app.ts'
import type { HttpContext } from './http/context.ts'
import { CallLimits } from './http/limits.ts'
import { SessionCookie } from './http/session-cookie.ts'
import { SignInLimits } from './http/sign-in-limits.ts'
import { Receipts } from './insight/receipts.ts'
import { ReceiptSigner } from './insight/receipts-signature.ts'
import { Openings } from './insight/statistics/opens.ts'
import type { JobContext } from './jobs/jobs.ts'
import { announceJob, JobRunner } from './jobs/runner.ts'
import { readSpread } from './jobs/spread.ts'
import { LiveChannels, type LiveChannelsOptions } from './live/channels.ts'
import type { Created, Creation } from './messages/create.ts'
import { ImageProber } from './messages/images.ts'
import { noteOccasions } from './messages/triggers/occasions.ts'
import { PushTester, type PushTesterOptions } from './push-test/tester.ts'
import { Events } from './registry/events.ts'
import { Registrations } from './registry/register/register.ts'
import { Database } from './store/database.ts'
import { keepSecret, sharePostgres, startEmbeddedPostgres, tellWaiting } from './store/embedded.ts'
import { prepareExisting, requireFolder } from './store/existing.ts'
import { prepareFolder, StartError } from './store/folder.ts'
import type { Migration } from './store/migrate.ts'
import { Listener, type Notice } from './store/notices.ts'
import type { NatsNotices } from './store/notices-nats.ts'
import { keepOwnSecret } from './store/own-secret.ts'
import { type Prepared, prepareDatabase } from './store/prepare.ts'
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
}

export const ROLES = ['api', 'send', 'jobs'] as const
export type Role = (typeof ROLES)[number]

/** Below the 10 seconds after which container runtimes kill. */
const CLOSE_WITHIN_MS = 5000

type Closer = () => Promise<unknown>

/** Throws StartError for what an operator can mend. */
export async function startServer(config: Config, options: StartOptions = {}): Promise<RunningServer> {
  const logger = options.logger ?? pino({ level: config.logLevel })
  const closers: Closer[] = []
  const close = async () => {
    for (const closer of closers.splice(0).reverse()) await closer()
  }
  try {
    return await start(config, {
      logger,
      clock: options.clock ?? systemClock,
      closeWithinMs: options.closeWithinMs ?? CLOSE_WITHIN_MS,
      http: {
        ...(options.requestTimeoutMs !== undefined && { requestTimeoutMs: options.requestTimeoutMs }),
        ...(options.drainMs !== undefined && { drainMs: options.drainMs }),
      },
      roles: new Set(options.roles ?? ROLES),
      live: { lookEveryMs: options.lookEveryMs, patienceMs: options.patienceMs },
      closers,
      close,
    })
  } catch (error) {
    await close()
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
  readonly closers: Closer[]
  readonly close: () => Promise<void>
}

async function start(
  config: Config,
  { logger, clock, closeWithinMs, http, roles, live, closers, close }: Starting,
): Promise<RunningServer> {
  requireSharedDatabase(config, roles)
  const nats = await openNats(config, logger, closers)
  const { db, url: databaseUrl } = await openDatabase(config, { logger, closers, nats })
  const seal = new Seal(config.secret ?? (await keepOwnSecret(db, config.dataDirectory)))
  await requireSameSecret(db, seal)
  const firstToken = roles.has('api') ? await ensureServerToken(db, config) : undefined

  const senders = new Senders({
    seal,
    clock,
    urls: config.gatewayUrls,
    fcmMessagesPerMinute: config.fcmMessagesPerMinute,
    extraCa: config.extraCa,
    allowPrivateEndpoints: config.allowPrivateEndpoints,
  })
  closers.push(() => senders.close())
  let channels: LiveChannels | undefined
  const dispatcher = new Dispatcher({ db, senders, clock, logger, here: () => channels })
  closers.push(() => stopSending(dispatcher, senders, { logger, closeWithinMs }))
  const serverTokens = new ServerTokens(db, clock)
  const apps = new AppDirectory(db, clock)
  const forgetTokens = () => {
    serverTokens.forget()
    apps.forget()
    void channels?.checkAccess()
  }
  const onNotice = (notice: Notice) => {
    if (notice === 'access') forgetTokens()
    else if (notice === 'live') channels?.look()
    else if (notice === 'call') channels?.lookForCalls()
    else if (notice === 'unread') channels?.lookForUnread()
    else if (roles.has('send')) dispatcher.poke()
    if (notice === 'control' && roles.has('send')) void dispatcher.lookForStops()
  }
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
  if (!roles.has('api')) return { url: '', firstToken: undefined, setupCode: undefined, db, close }

  const elsewhere = (announcing: Promise<void>) =>
    void announcing.catch((error: unknown) =>
      logger.warn({ err: error }, 'work for another process was not announced'),
    )
  const registrations = new Registrations(db)
  const receipts = new Receipts(db)
  const openings = new Openings(db, error => logger.warn({ err: error }, 'openings are not counted yet'))
  closers.push(() => openings.close())
  const poke = roles.has('send')
    ? (what?: Accepted['due']) => dispatcher.poke(what)
    : () => elsewhere(db.announce('due'))
  const acceptAll = async (messages: readonly Creation[], told?: ToldFault): Promise<Created[]> => {
    if (roles.has('send')) return dispatcher.accept(messages, told)
    const accepted = await acceptMessages(db, messages, told)
    poke()
    return accepted.map(it => it.created)
  }
  const accept = async (message: Creation) => (await acceptAll([message]))[0] as Created
  const events = new Events({ db, onHappened: noteOccasions, onDue: () => poke() })
  closers.push(() => Promise.all([registrations.settled(), receipts.settled(), events.settled()]))
  const limits = new CallLimits({
    ...config.limits,
    clock,
    onRefused: refused =>
      logger.warn({ refused }, 'calls are refused: docs/configuration.md, "Limits of calls"'),
  })
  const signer = new ReceiptSigner(seal)
  const runSoon: HttpContext['runSoon'] = roles.has('jobs')
    ? (name, appId) => jobs.runSoon(name, appId)
    : (name, appId) => elsewhere(announceJob(db, name, appId))
  const calls = new Calls({
    db,
    clock,
    giveWay: () => (roles.has('send') ? dispatcher.giveWay() : undefined),
    poke: () => poke('send'),
    tell: () => channels?.lookForCalls(),
    announce: () => runSoon('webhook-delivery'),
  })
  channels = new LiveChannels({ db, clock, logger, apps, limits, signer, calls, ...live })
  const served: HttpContext = {
    db,
    clock,
    logger,
    seal,
    nats,
    checks: context.checks,
    tester: pushTester(config, { db, seal, clock }),
    apps,
    serverTokens,
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
    allowPrivateEndpoints: config.allowPrivateEndpoints,
    renders: dispatcher.renders,
    images: new ImageProber({
      clock,
      allowPrivate: config.allowPrivateEndpoints,
      extraCa: config.extraCa,
    }),
    accept,
    acceptAll,
    poke,
    runSoon,
    trustedProxies: config.trustedProxies,
    connectionsPerClient: config.limits.connectionsPerClient,
  }
  const app = await buildApp(served, http)
  closers.push(() => closeApp(app, closeWithinMs))
  closers.push(() => served.channels.close())
  const setupCode = await readSetupCode(db, seal)
  return { url: await listen(app, config), firstToken, setupCode, db, close }
}

function jobContext(
  config: Config,
  { db, seal, clock, signal }: { db: Database; seal: Seal; clock: Clock; signal: AbortSignal },
): JobContext {
  const { extraCa, gatewayUrls: urls, allowPrivateEndpoints: allowPrivate } = config
  return {
    db,
    checks: new CredentialChecks({ db, seal, clock, urls, extraCa, signal }),
    webhooks: { db, seal, allowPrivate, extraCa, signal },
  }
}

function pushTester(
  config: Config,
  { db, seal, clock }: Pick<PushTesterOptions, 'db' | 'seal' | 'clock'>,
): PushTester {
  const { extraCa, gatewayUrls: urls, allowPrivateEndpoints } = config
  return new PushTester({ db, seal, clock, urls, extraCa, allowPrivateEndpoints })
}

/** An embedded database serves its own process: another one would have the same folder and find it taken. */
function requireSharedDatabase(config: Config, roles: ReadonlySet<Role>): void {
  if (roles.size === ROLES.length || config.databaseUrl !== undefined) return
  throw new StartError(
    `a server with the roles ${[...roles].join(', ')} alone needs others beside it, and a database that they share`,
    'Set ROOST_DATABASE_URL and the same ROOST_SECRET for all of them, or start one with all roles.',
  )
}

export interface OpenedJobs {
  readonly context: JobContext
  close(): Promise<void>
}

/**
 * What commands need, without the server around it. Where one runs on the data folder, its database is used beside it, as one of your
 * own would be. Throws StartError for what an operator can mend, and where there is no Roost, of which nothing is made then.
 */
export async function openJobs(config: Config, clock: Clock = systemClock): Promise<OpenedJobs> {
  const closers: Closer[] = []
  const close = async () => {
    for (const closer of closers.splice(0).reverse()) await closer()
  }
  try {
    const logger = pino({ level: 'warn' }, pino.destination(2)) // lines for people come from the command
    const databaseUrl = config.databaseUrl ?? (await shareEmbedded(config, closers))
    const nats = await openNats(config, logger, closers)
    const opening = { logger, closers, nats, prepare: prepareExisting }
    const { db } = await openDatabase({ ...config, databaseUrl }, opening)
    const seal = new Seal(config.secret ?? (await keepOwnSecret(db, config.dataDirectory)))
    await requireSameSecret(db, seal)
    await nats?.start(db, () => undefined)
    const { signal } = new AbortController()
    return { context: jobContext(config, { db, seal, clock, signal }), close }
  } catch (error) {
    await close()
    throw error
  }
}

async function shareEmbedded({ dataDirectory }: Config, closers: Closer[]): Promise<string> {
  await requireFolder(dataDirectory)
  const shared = await sharePostgres({ dataDirectory })
  closers.push(() => shared.leave(tellWaiting))
  return shared.url
}

/** Together with the requests in hand still below the 10 seconds. */
const SENDING_WITHIN_MS = 3000
const TOLD_AFTER_MS = 500

/**
 * Deliveries that are on their way to a gateway are waited for. After a while its connections are cut: what was not
 * sent is sent by the next start, what was is settled as uncertain.
 */
async function stopSending(
  dispatcher: Dispatcher,
  senders: Senders,
  { logger, closeWithinMs }: Pick<Starting, 'logger' | 'closeWithinMs'>,
): Promise<void> {
  const told = setTimeout(() => logger.info('waiting for gateways to answer what was sent'), TOLD_AFTER_MS)
  const cut = setTimeout(
    () => {
      logger.warn('gateways have not answered; closing their connections')
      void senders.close()
    },
    Math.min(SENDING_WITHIN_MS, closeWithinMs),
  )
  try {
    await dispatcher.stop()
  } finally {
    clearTimeout(told)
    clearTimeout(cut)
  }
}

/** Loaded by those alone who have one; closed last of all, since any commit may have something to tell. */
async function openNats(
  { nats: place, extraCa }: Config,
  logger: Logger,
  closers: Closer[],
): Promise<NatsNotices | undefined> {
  if (place === undefined) return undefined
  const { NatsNotices } = await import('./store/notices-nats.ts')
  const nats = new NatsNotices({ place, extraCa, logger })
  closers.push(() => nats.close())
  return nats
}

interface Opening {
  readonly logger: Logger
  readonly closers: Closer[]
  readonly nats: NatsNotices | undefined
  /** Default: one that is empty gets a schema. */
  readonly prepare?: (db: Database) => Promise<Prepared>
}

async function openDatabase(
  config: Config,
  { logger, closers, nats, prepare = prepareDatabase }: Opening,
): Promise<{ db: Database; url: string }> {
  let url = config.databaseUrl
  if (url === undefined) {
    const embedded = await startEmbeddedPostgres({
      dataDirectory: config.dataDirectory,
      tell: says => logger.error(says),
    })
    closers.push(() => embedded.stop())
    logger.info({ port: embedded.port, takenOver: embedded.wasRunning }, 'embedded PostgreSQL is running')
    url = embedded.url
  }
  const db = new Database({ url, publish: nats && (notice => nats.publish(notice)) })
  closers.push(() => db.close())
  const begun = performance.now()
  const { applied, newer } = await prepare(db)
  tellMigrated(applied, { logger, ms: performance.now() - begun })
  if (newer.length > 0) logger.warn({ newer }, 'the schema is of a newer Roost: replace this one soon')
  return { db, url }
}

/** One line: a first start applies them all, and what people have to read stands below. */
function tellMigrated(
  applied: readonly Pick<Migration, 'version' | 'name'>[],
  { logger, ms }: { readonly logger: Logger; readonly ms: number },
): void {
  for (const { version, name } of applied) logger.debug({ version, name }, 'schema migrated')
  const last = applied.at(-1)
  if (last === undefined) return
  const words = applied.length === 1 ? '1 migration' : `${applied.length} migrations`
  logger.info({ version: last.version }, `${words} applied in ${(ms / 1000).toFixed(1)} s`)
}

/** Authenticated with the sealed text; no credential has it, theirs are UUIDs. */
const CANARY = 'canary'

/**
 * A second server with another secret would store credentials that the first one can't open, so each start holds its
 * secret to the canary. The first start makes it; of two at once, one of them.
 */
async function requireSameSecret(db: Database, seal: Seal): Promise<void> {
  const { rows } = await db.query<{ id: string; sealed: Buffer }>('select id, sealed from credential')
  const closed = rows.filter(row => !opens(seal, row))
  if (closed.length > 0)
    refuseSecret(`${closed.length} of ${rows.length} stored credentials can't be opened: they were`)
  await db.query('insert into secret_canary (sealed) values ($1) on conflict do nothing', [
    seal.close(CANARY, CANARY),
  ])
  const canary = await db.query<{ sealed: Buffer }>('select sealed from secret_canary')
  if (!canary.rows.every(({ sealed }) => opens(seal, { id: CANARY, sealed })))
    refuseSecret('this database was')
}

function refuseSecret(what: string): never {
  throw new StartError(
    `${what} sealed with another ROOST_SECRET`,
    'Start with the secret of before (without ROOST_SECRET it is the file "secret" in the data folder).',
  )
}

function opens(seal: Seal, row: { readonly id: string; readonly sealed: Buffer }): boolean {
  try {
    seal.open(row.id, row.sealed)
    return true
  } catch {
    return false
  }
}

/** Whose tokens those are that no person has made: it stands in the audit log, and in invitations, as who did it. */
const ADMINISTRATOR = 'Server administrator'
/** What they were called before. */
const FORMER_LABELS = ['ROOST_BOOTSTRAP_TOKEN', 'first start']

/**
 * The token of the first start is kept in the data folder, so that it is not lost with a start that fails later on. It
 * is handed out only by the start that stores it.
 */
async function ensureServerToken(db: Database, config: Config): Promise<string | undefined> {
  await db.query('update api_token set label = $1 where label = any($2) and made_by is null', [
    ADMINISTRATOR,
    FORMER_LABELS,
  ])
  if (config.bootstrapToken !== undefined) {
    await storeToken(db, { kind: 'server', token: config.bootstrapToken, label: ADMINISTRATOR })
    return undefined
  }
  if (await hasServerToken(db)) return undefined
  const token = await keepSecret(
    join(await prepareFolder(config.dataDirectory), 'server-token'),
    newToken('server'),
  )
  await storeToken(db, { kind: 'server', token, label: ADMINISTRATOR })
  return token
}

/** Answers the requests in hand; a client that holds its own up for longer is cut. */
async function closeApp(app: FastifyInstance, withinMs: number): Promise<void> {
  const cut = setTimeout(() => app.server.closeAllConnections(), withinMs)
  try {
    await app.close()
  } finally {
    clearTimeout(cut)
  }
}

async function listen(app: FastifyInstance, config: Config): Promise<string> {
  await app.ready() // a fault of ours in there is none of the address
  try {
    return await app.listen({ host: config.host, port: config.port })
  } catch (error) {
    throw listenFault(config, error as NodeJS.ErrnoException)
  }
}

const LISTEN_FAULTS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the port is taken',
  EACCES: 'the port may not be opened by this user',
  ENOTFOUND: 'there is no host of this name',
  EAI_AGAIN: 'there is no host of this name, or no name server answers',
  EADDRNOTAVAIL: 'this machine does not have this address',
}

function listenFault(config: Config, { code = '', message }: NodeJS.ErrnoException): StartError {
  const isPort = code === 'EADDRINUSE' || code === 'EACCES'
  return new StartError(
    `can't listen on ${config.host}:${config.port}: ${LISTEN_FAULTS[code] ?? message}`,
    isPort
      ? 'Stop what uses it, or choose others with ROOST_HOST and ROOST_PORT (0 = any free port).'
      : 'Correct ROOST_HOST: 127.0.0.1 for this machine alone, 0.0.0.0 for all its networks.',
  )
}
