/**
 * `roost doctor`: what an operator runs when something is wrong. It looks at everything that can be seen from this machine, with the
 * server and without it, and changes nothing: where one thing is down the others are looked at all the same.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { listApps } from '../../access/apps.ts'
import { type Config, faultsOfSettings, readConfig, type SettingFault } from '../../config.ts'
import { Database } from '../../store/database.ts'
import { findRunningPostgres, startEmbeddedPostgres } from '../../store/embedded.ts'
import { requireFolder } from '../../store/existing.ts'
import { StartError } from '../../store/folder.ts'
import { type Clock, systemClock } from '../../time.ts'
import { defaultServerUrl } from '../server/url.ts'
import { lookAtCredentials, readEndpoints, readServed } from './credentials.ts'
import { lookAtDatabase, notRunning } from './database.ts'
import { type Area, type Finding, looking, messageOf, type Told, unknown, wrong } from './finding.ts'
import { lookAtFolder } from './folder.ts'
import { lookAtGateways, originsOf, type Served } from './gateways.ts'
import { lookAtMachine } from './machine.ts'
import { lookAtNats } from './nats.ts'
import { lookAtServer } from './server.ts'
import { lookAtSettings } from './settings.ts'
import { lookAtWork } from './work.ts'

export interface DoctorOptions {
  readonly environment: Readonly<NodeJS.ProcessEnv>
  /** Of the running server; default: where this environment would start one. */
  readonly url?: string | undefined
  /** Nothing leaves this machine but to the database, NATS and the server. */
  readonly isOffline?: boolean
  /** The embedded PostgreSQL is started for as long as it is looked at. */
  readonly startsDatabase?: boolean
  /** Default: the system's. */
  readonly clock?: Clock
  /** Default: that of this process. */
  readonly nodeVersion?: string
}

/** Never rejects for what it finds. */
export async function examine(options: DoctorOptions): Promise<Told[]> {
  const { environment, clock = systemClock, nodeVersion = process.version, isOffline = false } = options
  const faults = faultsOfSettings(environment)
  const config = readConfig(without(environment, faults))
  const { extraCa } = config
  const machine = { environment, nodeVersion, extraCa, at: clock.now() }
  const url = options.url ?? defaultServerUrl(environment)
  const [folder, server, nats, inside] = await Promise.all([
    looking('data folder', () => lookAtFolder(config)),
    looking('server', () => lookAtServer(url)),
    looking('NATS', () => lookAtNats(config)),
    lookInside(config, { faults, clock, startsDatabase: options.startsDatabase ?? false }),
  ])
  const reaching = { config, ...inside.reach, environment, now: () => clock.now() }
  const gateways = isOffline ? [] : await looking('gateways', () => lookAtGateways(reaching))
  const told: readonly (readonly [Area, readonly Finding[]])[] = [
    ['machine', await looking('machine', () => lookAtMachine(machine))],
    ['settings', lookAtSettings({ environment, faults, config })],
    ['data folder', folder],
    ['server', server],
    ['database', inside.database],
    ['NATS', nats],
    ['gateways', gateways],
    ['credentials', inside.credentials],
    ['work', inside.work],
  ]
  return told
    .flatMap(([area, findings]) => findings.map(it => ({ area, ...it })))
    .map(it => hideSecrets(it, config))
}

/** The defaults stand in for what can't be read, so that the rest is looked at. */
function without(
  environment: Readonly<NodeJS.ProcessEnv>,
  faults: readonly SettingFault[],
): NodeJS.ProcessEnv {
  const names = new Set(faults.map(it => it.name))
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !names.has(name)))
}

interface Inside {
  readonly database: readonly Finding[]
  readonly credentials: readonly Finding[]
  readonly work: readonly Finding[]
  readonly reach: { readonly served: readonly Served[] | undefined; readonly webOrigins: readonly string[] }
}

interface Entering {
  readonly faults: readonly SettingFault[]
  readonly clock: Clock
  readonly startsDatabase: boolean
}

const NOTHING_KNOWN = { served: undefined, webOrigins: [] }

async function lookInside(config: Config, entering: Entering): Promise<Inside> {
  const place = await findDatabase(config, entering).catch((error: unknown) => faultOf(error))
  if ('finding' in place)
    return { database: [place.finding], credentials: [], work: [], reach: NOTHING_KNOWN }
  const db = new Database({
    url: place.url,
    maxConnections: 4,
    connectTimeoutMs: 5000,
    statementTimeoutMs: 10_000,
  })
  try {
    return await lookWith(db, config, entering.clock)
  } finally {
    await db.close()
    await place.stop?.()
  }
}

async function lookWith(db: Database, config: Config, clock: Clock): Promise<Inside> {
  const { findings: database, hasSchema } = await lookAtDatabase(db, clock)
  if (!hasSchema) return { database, credentials: [], work: [], reach: NOTHING_KNOWN }
  const secret = config.secret ?? (await secretOf(config))
  const at = clock.now()
  try {
    const apps = await listApps(db)
    const served = await readServed(db)
    const webOrigins = originsOf(await readEndpoints(db), config.allowPrivateEndpoints).slice(
      0,
      WEB_ORIGINS_MAX,
    )
    return {
      database,
      credentials: await looking('credentials', () => lookAtCredentials(db, { apps, secret, at })),
      work: await lookAtWork(db, { apps, at }),
      reach: { served, webOrigins },
    }
  } catch (error) {
    const lost = unknown('apps', `could not be looked at: ${messageOf(error)}`)
    return { database: [...database, lost], credentials: [], work: [], reach: NOTHING_KNOWN }
  }
}

/** Most browsers use one of four; who makes origins up must not have us call them all. */
const WEB_ORIGINS_MAX = 8

type Found = { readonly url: string; readonly stop?: () => Promise<void> } | { readonly finding: Finding }

async function findDatabase(config: Config, { faults, startsDatabase }: Entering): Promise<Found> {
  if (faults.some(it => it.name === 'ROOST_DATABASE_URL'))
    return { finding: unknown('PostgreSQL', 'is not looked at: ROOST_DATABASE_URL can’t be read') }
  if (config.databaseUrl !== undefined) return { url: config.databaseUrl }
  const running = await findRunningPostgres(config.dataDirectory)
  if (running !== undefined) return running
  if (!startsDatabase)
    return { finding: notRunning(`the one of the data folder does not run, so nothing in it is looked at`) }
  await requireFolder(config.dataDirectory)
  const { url, stop } = await startEmbeddedPostgres({ dataDirectory: config.dataDirectory })
  return { url, stop }
}

function faultOf(error: unknown): Found {
  const remedy = error instanceof StartError ? error.remedy : 'Run this as the user that runs the server.'
  return { finding: wrong('PostgreSQL', messageOf(error), remedy) }
}

/** As the first start has made it. */
async function secretOf({ dataDirectory }: Config): Promise<string | undefined> {
  const text = await readFile(join(dataDirectory, 'secret'), 'utf8').catch(() => undefined)
  return text?.trim()
}

const HIDDEN = '(hidden)'

/** Whatever an error of others may quote. */
function hideSecrets(told: Told, { secret, bootstrapToken, databaseUrl, nats }: Config): Told {
  const password = databaseUrl === undefined ? '' : new URL(databaseUrl).password
  const login = nats?.login
  const ofNats = login && ('token' in login ? login.token : login.pass)
  const hidden = [secret, bootstrapToken, password, decodeURIComponent(password), ofNats].filter(
    it => it !== undefined && it !== '',
  ) as string[]
  const clean = (text: string) => hidden.reduce((rest, it) => rest.replaceAll(it, HIDDEN), text)
  return { ...told, says: clean(told.says), remedy: told.remedy === null ? null : clean(told.remedy) }
}
