/**
 * Notices between the processes of one database: something has changed, look now. They only save time: one that is lost, as
 * while a connection breaks or behind a pooler that knows no sessions, is made up for by looking now and then. They leave by
 * `announce` of a transaction or of the database, over PostgreSQL's NOTIFY unless there is a NATS (notices-nats.ts).
 */
import pg from 'pg'
import type { Logger } from 'pino'

const CHANNEL = 'roost_dispatch'
const RECONNECT_AFTER_MS = 2000

/**
 * `due`: a message waits to be sent. `control`: one was paused, resumed or cancelled. `access`: a token was revoked. `live`: something waits
 * for the live channel. `call`: a call has changed that devices are to be told of. `unread`: so has the unread count of connected devices.
 */
export const NOTICES = ['due', 'control', 'access', 'live', 'call', 'unread'] as const
export type Notice = (typeof NOTICES)[number]

/** With the notice as $1; in a transaction it goes out with the commit. */
export const NOTIFY = `select pg_notify('${CHANNEL}', $1)`

/** Of a name that a newer Roost may have made up: something is to be done. */
export function noticeOf(name: string | undefined): Notice {
  return NOTICES.find(it => it === name) ?? 'due'
}

export interface ListenerOptions {
  readonly databaseUrl: string
  readonly logger: Logger
  /** Also called, for `control` and `access`, when it listens again after a break, since it may have missed something. */
  readonly onNotice: (notice: Notice) => void
}

/** Listens on a connection of its own until it is closed; one that breaks is made anew. */
export class Listener {
  readonly #options: ListenerOptions
  #client: pg.Client | undefined
  #timer: NodeJS.Timeout | undefined
  #isClosed = false

  constructor(options: ListenerOptions) {
    this.#options = options
  }

  /** Resolves when it listens, or when it could not and tries again later. */
  async start(): Promise<void> {
    const { databaseUrl, onNotice, logger } = this.#options
    const client = new pg.Client({
      connectionString: databaseUrl,
      application_name: 'roost notices',
      keepAlive: true,
    })
    this.#client = client
    const restart = () => this.#startLater(client)
    client.on('error', restart)
    client.on('end', restart)
    client.on('notification', ({ payload }) => onNotice(noticeOf(payload)))
    try {
      await client.connect()
      await client.query(`listen ${CHANNEL}`)
      onNotice('control')
      onNotice('access')
    } catch (error) {
      if (!this.#isClosed) logger.debug({ err: error }, 'not listening for notices; trying again')
      restart()
    }
  }

  #startLater(client: pg.Client): void {
    if (this.#isClosed || this.#client !== client) return
    this.#client = undefined
    void client.end().catch(() => undefined)
    this.#timer = setTimeout(() => void this.start(), RECONNECT_AFTER_MS)
  }

  async close(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#timer)
    await this.#client?.end().catch(() => undefined)
  }
}
