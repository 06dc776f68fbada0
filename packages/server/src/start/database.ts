/** The database that a process works on, our own or yours, with its schema; and NATS where there is one. */
import type { Logger } from 'pino'
import type { Config } from '../config.ts'
import { Database } from '../store/database.ts'
import { sharePostgres, startEmbeddedPostgres, tellWaiting } from '../store/embedded.ts'
import { requireFolder } from '../store/existing.ts'
import type { Migration } from '../store/migrate.ts'
import type { NatsNotices } from '../store/notices-nats.ts'
import { type Prepared, prepareDatabase } from '../store/prepare.ts'
import type { Closers } from './closers.ts'

/** Loaded by those alone who have one; closed last of all, since any commit may have something to tell. */
export async function openNats(
  { nats: place, extraCa }: Config,
  logger: Logger,
  closers: Closers,
): Promise<NatsNotices | undefined> {
  if (place === undefined) return undefined
  const { NatsNotices } = await import('../store/notices-nats.ts')
  const nats = new NatsNotices({ place, extraCa, logger })
  closers.push(() => nats.close())
  return nats
}

interface Opening {
  readonly logger: Logger
  readonly closers: Closers
  readonly nats: NatsNotices | undefined
  /** Default: one that is empty gets a schema. */
  readonly prepare?: (
    db: Database,
    options: { readonly signal: AbortSignal | undefined },
  ) => Promise<Prepared>
  /** Aborted when it is not wanted any more: rejects with its reason then, and what was opened is with the closers. */
  readonly signal?: AbortSignal | undefined
}

export async function openDatabase(
  config: Config,
  { logger, closers, nats, prepare = prepareDatabase, signal }: Opening,
): Promise<{ db: Database; url: string }> {
  let url = config.databaseUrl
  if (url === undefined) {
    const embedded = await startEmbeddedPostgres({
      dataDirectory: config.dataDirectory,
      tell: says => logger.error(says),
      signal,
    })
    closers.push(() => embedded.stop())
    logger.info({ port: embedded.port, takenOver: embedded.wasRunning }, 'embedded PostgreSQL is running')
    url = embedded.url
  }
  const db = new Database({ url, publish: nats && (notice => nats.publish(notice)) })
  closers.push(() => db.close())
  const begun = performance.now()
  const { applied, newer } = await prepare(db, { signal })
  signal?.throwIfAborted()
  tellMigrated(applied, { logger, ms: performance.now() - begun })
  if (newer.length > 0) logger.warn({ newer }, 'the schema is of a newer Roost: replace this one soon')
  return { db, url }
}

export async function shareEmbedded({ dataDirectory }: Config, closers: Closers): Promise<string> {
  await requireFolder(dataDirectory)
  const shared = await sharePostgres({ dataDirectory })
  closers.push(() => shared.leave(tellWaiting))
  return shared.url
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
