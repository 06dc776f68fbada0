/** What jobs work with: in a server, and in commands without the server around it. */
import { pino } from 'pino'
import type { Config } from '../config.ts'
import { CredentialChecks } from '../credentials/checks.ts'
import type { Seal } from '../credentials/seal.ts'
import type { JobContext } from '../jobs/jobs.ts'
import type { Database } from '../store/database.ts'
import { prepareExisting } from '../store/existing.ts'
import { type Clock, systemClock } from '../time.ts'
import { Closers } from './closers.ts'
import { openDatabase, openNats, shareEmbedded } from './database.ts'
import { openSeal } from './secret.ts'

export function jobContext(
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

export interface OpenedJobs {
  readonly context: JobContext
  close(): Promise<void>
}

/**
 * What commands need, without the server around it. Where one runs on the data folder, its database is used beside it, as one of your
 * own would be. Throws StartError for what an operator can mend, and where there is no Roost, of which nothing is made then.
 */
export async function openJobs(config: Config, clock: Clock = systemClock): Promise<OpenedJobs> {
  const closers = new Closers()
  try {
    const logger = pino({ level: 'warn' }, pino.destination(2)) // lines for people come from the command
    const databaseUrl = config.databaseUrl ?? (await shareEmbedded(config, closers))
    const nats = await openNats(config, logger, closers)
    const opening = { logger, closers, nats, prepare: prepareExisting }
    const { db } = await openDatabase({ ...config, databaseUrl }, opening)
    const seal = await openSeal(db, config)
    await nats?.start(db, () => undefined)
    const { signal } = new AbortController()
    return { context: jobContext(config, { db, seal, clock, signal }), close: () => closers.close() }
  } catch (error) {
    await closers.close()
    throw error
  }
}
