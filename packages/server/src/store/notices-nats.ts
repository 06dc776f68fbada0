/**
 * Notices over NATS, where there is one: `<prefix>.<notice>` without a payload, below a prefix that names the database. NATS core
 * delivers at most once, and no more is needed: whoever misses a notice looks by itself. So a NATS that is away is waited for
 * by nobody, nothing is kept for it, and it is tried again until it is there.
 *
 *   away ──connected, subscribed, allowed to publish──▶ connected ──the connection ends, or a right is refused──▶ away
 *
 * Source: docs.nats.io, "Core NATS", "Publish-Subscribe"; "Authorization" (a refusal comes as an error of the connection).
 */
import { createHash } from 'node:crypto'
import { setTimeout as delay, setImmediate } from 'node:timers/promises'
import { rootCertificates } from 'node:tls'
import { type ConnectionOptions, connect, type NatsConnection } from '@nats-io/transport-node'
import type { Logger } from 'pino'
import type { Queryable } from './database.ts'
import type { NatsPlace } from './nats-place.ts'
import { type Notice, noticeOf } from './notices.ts'

const CONNECT_WITHIN_MS = 2000
/** The start goes on then, and the connection follows. */
const START_WITHIN_MS = 2000
const RECONNECT_AFTER_MS = 1000
const CLOSE_WITHIN_MS = 1000
/** Two that are not answered end the connection; the library's two minutes would leave a silent one for six. */
const PING_EVERY_MS = 10_000

export interface NatsOptions {
  readonly place: NatsPlace
  /** PEM; trusted besides the usual roots, with `tls://`. */
  readonly extraCa: string | undefined
  readonly logger: Logger
}

type OnNotice = (notice: Notice) => void

interface Listening {
  /** From `natsPrefix`. */
  readonly prefix: string
  onNotice: OnNotice
}

/** Opened by `start`, closed by `close`. */
export class NatsNotices {
  readonly #options: NatsOptions
  #listening: Listening | undefined
  #connection: NatsConnection | undefined
  #timer: NodeJS.Timeout | undefined
  #isClosed = false
  /** Why it is away, as it was told. */
  #told: string | undefined

  constructor(options: NatsOptions) {
    this.#options = options
  }

  /** False: notices reach this process alone, and the others look by themselves. */
  get isConnected(): boolean {
    return this.#connection !== undefined
  }

  /**
   * Resolves when it listens, or could not within two seconds and goes on trying. `onNotice` is also called for notices of this process, at
   * once, and for `control` and `access` whenever it is connected, since something may have been missed.
   */
  async start(db: Queryable, onNotice: OnNotice): Promise<void> {
    const listening = { prefix: await natsPrefix(db), onNotice }
    this.#listening = listening
    await Promise.race([this.#connect(listening), delay(START_WITHIN_MS, undefined, { ref: false })])
  }

  /** Goes on telling the others. */
  stopListening(): void {
    if (this.#listening !== undefined) this.#listening.onNotice = () => undefined
  }

  /** To this process at once, to the others if NATS is there. Never throws, waits for nothing. */
  publish(notice: Notice): void {
    if (this.#listening === undefined) return
    this.#listening.onNotice(notice)
    if (this.#connection?.isClosed() === false)
      this.#connection.publish(`${this.#listening.prefix}.${notice}`)
  }

  /** What was published before is on its way then. */
  async close(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#timer)
    const connection = this.#connection
    this.#connection = undefined
    if (connection === undefined) return
    const flushed = connection.flush().catch(() => undefined)
    await Promise.race([flushed, connection.closed(), delay(CLOSE_WITHIN_MS, undefined, { ref: false })])
    await connection.close()
  }

  async #connect(listening: Listening): Promise<void> {
    let connection: NatsConnection | undefined
    try {
      connection = await connect(optionsFor(this.#options))
      const refused = refusalOf(connection)
      await enter(connection, { listening, refused })
      if (this.#isClosed) await connection.close()
      else this.#connected(connection, { listening, refused })
    } catch (error) {
      await connection?.close()
      this.#away(error)
    }
  }

  #connected(connection: NatsConnection, { listening, refused }: Entered): void {
    const { logger } = this.#options
    this.#connection = connection
    if (this.#told !== undefined) logger.info('NATS is there: notices go over it again')
    this.#told = undefined
    void this.#watch(connection, refused)
    listening.onNotice('control')
    listening.onNotice('access')
  }

  /** Until it ends, also by a right that is taken away while it is open. */
  async #watch(connection: NatsConnection, refused: Promise<Error | undefined>): Promise<void> {
    const refusal = await refused
    if (refusal !== undefined) await connection.close()
    const ended = await connection.closed()
    if (this.#connection !== connection) return // by us
    this.#connection = undefined
    this.#away(refusal ?? ended ?? new Error('the connection was closed'))
  }

  /** Told once for each reason, and not at each try. */
  #away(error: unknown): void {
    if (this.#isClosed) return
    const { logger, place } = this.#options
    const reason = reasonOf(error)
    if (reason !== this.#told)
      logger.warn(
        { servers: place.servers, reason },
        'NATS is away: other processes find within a second or so what they are not told of',
      )
    this.#told = reason
    this.#timer = setTimeout(() => {
      if (this.#listening !== undefined) void this.#connect(this.#listening)
    }, RECONNECT_AFTER_MS)
  }
}

/** Whether Roost could work with it, whatever the database; rejects with why not. */
export async function tryNats(options: Omit<NatsOptions, 'logger'>): Promise<void> {
  const connection = await connect(optionsFor(options))
  const listening = { prefix: 'roost.doctor', onNotice: () => undefined }
  try {
    await enter(connection, { listening, refused: refusalOf(connection) })
  } finally {
    await connection.close()
  }
}

/** It does not reconnect by itself: what it would keep meanwhile nobody wants any more. */
function optionsFor({ place, extraCa }: Omit<NatsOptions, 'logger'>): ConnectionOptions {
  const ca = extraCa === undefined ? {} : { ca: [...rootCertificates, extraCa].join('\n') }
  return {
    name: 'roost',
    servers: [...place.servers],
    ...place.login,
    ...(place.isTls && { tls: ca }),
    reconnect: false,
    ignoreClusterUpdates: true,
    noEcho: true,
    timeout: CONNECT_WITHIN_MS,
    pingInterval: PING_EVERY_MS,
  }
}

interface Entered {
  readonly listening: Listening
  /** Of this connection; undefined when it ends without. */
  readonly refused: Promise<Error | undefined>
}

/** Tells the others, too, that something may be due which they were not told of. */
const PROOF: Notice = 'due'

/** Throws when it may not subscribe or publish: errors come before the answer to the ping behind what they are about. */
async function enter(connection: NatsConnection, { listening, refused }: Entered): Promise<void> {
  const { prefix } = listening
  connection.subscribe(`${prefix}.*`, {
    callback: (error, message) => {
      if (error === null) listening.onNotice(noticeOf(message.subject.slice(prefix.length + 1)))
    },
  })
  connection.publish(`${prefix}.${PROOF}`)
  const ended = await Promise.race([connection.flush(), connection.closed()])
  const refusal = await Promise.race([refused, setImmediate()]) // the library hands errors on in a turn of its own
  const fault = refusal ?? ended
  if (fault !== undefined) throw fault
}

/** The first error that comes over it; undefined when it ends without one. */
async function refusalOf(connection: NatsConnection): Promise<Error | undefined> {
  for await (const status of connection.status()) if (status.type === 'error') return status.error
  return undefined
}

/** The library's first words are often "connection refused" with what the system says as its cause. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message || error.name : String(error ?? 'no answer')
}

/**
 * Below which subjects the processes of this database speak: the same for all of them, another one for another database, also for one
 * that was restored from a dump. A copy of the whole disk has the same, as long as it is not another login of NATS.
 */
export async function natsPrefix(db: Queryable): Promise<string> {
  const { rows } = await db.query<{ canary: Buffer; database: string }>(
    `select c.sealed as canary, concat(d.oid, ' ', d.datname) as database
       from secret_canary c, pg_database d where d.datname = current_database()`,
  )
  const hash = createHash('sha256')
  for (const { canary, database } of rows) hash.update(canary).update(database)
  return `roost.${hash.digest('hex').slice(0, 16)}`
}
