/**
 * The database: a pool, transactions, and the two retries that PostgreSQL itself asks for.
 */
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { NOTIFY, type Notice } from './notices.ts'

export type Row = Record<string, unknown>

/** What a query needs: a pool or one connection inside a transaction. */
export interface Queryable {
  query<R extends object = Row>(
    text: string,
    values?: readonly unknown[],
  ): Promise<{ rows: R[]; rowCount: number }>
}

/** Statements that take place together or not at all. */
export interface Transaction extends Queryable {
  /**
   * A statement whose answer nobody needs: what follows it, the commit above all, goes out behind it at once. When it fails the
   * transaction does, with its error.
   */
  send(text: string, values?: readonly unknown[]): void
  /** Tells the processes of the database once this is committed, and nobody when it is not. */
  announce(notice: Notice): void
}

/**
 * How column types arrive: bigint as number (counts and ledger ids stay far below 2^53), timestamptz as ISO 8601
 * text, the form in which the API gives it on.
 */
const PARSERS: Readonly<Record<number, (text: string) => unknown>> = {
  20: Number,
  1184: text => (text.endsWith('infinity') ? text : new Date(text).toISOString()),
}
const types: pg.CustomTypesConfig = {
  getTypeParser: (oid: number, format?: 'text' | 'binary') =>
    (format === 'binary' ? undefined : PARSERS[oid]) ?? pg.types.getTypeParser(oid, format as 'text'),
}

/** PostgreSQL asks to repeat the whole transaction: "deadlock detected", "could not serialize". */
const REPEATABLE = new Set(['40P01', '40001'])
const TRANSACTION_TRIES = 5
/** Doubled with each try, and any part of it: two that collided would do so again at the same moment. */
const REPEAT_WITHIN_MS = 20

/** Longer than a busy server takes to accept, shorter than a caller waits. */
const CONNECT_TIMEOUT_MS = 10_000
/** Far above the slowest statement of a healthy base; what takes longer holds a connection and its locks for nothing. */
const STATEMENT_TIMEOUT_MS = 60_000
/** PostgreSQL tells of its own limit; who hears nothing for so much longer has lost the server, not a statement. */
const ANSWER_AFTER_LIMIT_MS = 5000
/** The longest time that a timer takes: for sessions whose statements may take as long as they want. */
const NO_ANSWER_LIMIT_MS = 2 ** 31 - 1
/** A connection that a firewall forgot is noticed by the system, instead of never. */
const KEEP_ALIVE_AFTER_MS = 10_000

export interface DatabaseOptions {
  readonly url: string
  /** Default 12. */
  readonly maxConnections?: number
  /** For a new connection, and for waiting until one of the pool is free. Default 10 000. */
  readonly connectTimeoutMs?: number
  /** PostgreSQL ends a statement that takes longer (code 57014). Default 60 000. */
  readonly statementTimeoutMs?: number
  /**
   * For an answer to a statement; then its connection is given up, since a server that fails over without a farewell
   * leaves it silent for a quarter of an hour. Default: 5 s more than the statement may take.
   */
  readonly answerTimeoutMs?: number
  /** From 0 to below 1, for the pauses before a repetition. Default `Math.random`. */
  readonly random?: () => number
  /** Takes notices on their way; what a transaction announces, after its commit. Default: PostgreSQL's NOTIFY does. */
  readonly publish?: Publish | undefined
}

/** For transactions of which nothing is lost that matters when the database crashes within a second of their commit. */
export const WITHOUT_FLUSH = 'set local synchronous_commit = off'

/** Must not throw. */
export type Publish = (notice: Notice) => void

/** A statement that is planned once for a connection; one name, one text. */
export interface PlannedStatement {
  readonly name: string
  readonly text: string
}

/** As many micro-batches as may run at once, of registrations and of bulk calls beside them, and the ten batches that are sent of. */
const PLANNED_CONNECTIONS = 14
/** A connection keeps the plans of so many texts; what is put together for a single call would fill it for ever. */
const PLANNED_TEXTS_MAX = 200
/**
 * A plan that is kept has to be right when the tables have grown, whatever they were when it was made: by key. What
 * joins parts of the statement itself must not leave it to the planner.
 */
const PLAN_BY_KEY = `
  set plan_cache_mode = force_generic_plan; set enable_seqscan = off; set enable_hashjoin = off;
  set enable_mergejoin = off`
/**
 * A condition of a hundred parts became half a minute of compiling for 40 ms of work, and a statement that is being
 * compiled can't be ended by its time limit.
 */
const WITHOUT_JIT = 'set jit = off'

export class Database implements Queryable {
  readonly #pool: pg.Pool
  readonly #planned: pg.Pool
  readonly #random: () => number
  readonly #publish: Publish | undefined

  constructor(options: DatabaseOptions) {
    const statementTimeoutMs = options.statementTimeoutMs ?? STATEMENT_TIMEOUT_MS
    const connecting: pg.PoolConfig = {
      connectionString: options.url,
      application_name: 'roost',
      connectionTimeoutMillis: options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
      statement_timeout: statementTimeoutMs,
      query_timeout: options.answerTimeoutMs ?? statementTimeoutMs + ANSWER_AFTER_LIMIT_MS,
      keepAlive: true,
      keepAliveInitialDelayMillis: KEEP_ALIVE_AFTER_MS,
      // Statements that don't wait for each other leave together; each is still answered, and fails, for itself.
      pipeline: true,
      types,
    }
    this.#random = options.random ?? Math.random
    this.#publish = options.publish
    this.#pool = new pg.Pool({
      ...connecting,
      max: options.maxConnections ?? 12,
      onConnect: preparedBy(WITHOUT_JIT),
    })
    this.#planned = new pg.Pool({
      ...connecting,
      max: PLANNED_CONNECTIONS,
      onConnect: preparedBy(`${WITHOUT_JIT}; ${PLAN_BY_KEY}`),
    })
    // A connection that breaks fails its query, or is replaced at the next one; without listeners Node would exit.
    // The pool listens only while a connection is idle, so those that are in a transaction need their own.
    for (const pool of [this.#pool, this.#planned]) {
      pool.on('error', () => undefined)
      pool.on('connect', client => client.on('error', () => undefined))
    }
  }

  async query<R extends object = Row>(
    text: string,
    values?: readonly unknown[],
  ): Promise<{ rows: R[]; rowCount: number }> {
    const result = await this.#pool.query<R>(text, values as unknown[]).catch(rethrowWithoutRow)
    return { rows: result.rows, rowCount: result.rowCount ?? 0 }
  }

  /**
   * Rows as arrays of their columns: for hundreds of them at once. `isPlanned`: the text is one of a few, and the database plans it
   * once a connection, by key (`PLAN_BY_KEY`).
   */
  async queryArrays(
    { text, isPlanned = false }: { readonly text: string; readonly isPlanned?: boolean },
    values: readonly unknown[],
  ): Promise<unknown[][]> {
    const pool = isPlanned ? this.#planned : this.#pool
    const name = isPlanned ? plannedNameOf(text) : {}
    const query = { ...name, text, values: values as unknown[], rowMode: 'array' as const }
    return (await pool.query<unknown[]>(query).catch(rethrowWithoutRow)).rows
  }

  /** The same with rows as objects; the text is one of a few. */
  async queryPlanned<R extends object = Row>(text: string, values: readonly unknown[]): Promise<R[]> {
    const query = { ...plannedNameOf(text), text, values: values as unknown[] }
    return (await this.#planned.query<R>(query).catch(rethrowWithoutRow)).rows
  }

  /**
   * Runs `work` in one transaction and returns its result after the commit. A deadlock or serialization
   * failure repeats the whole of it, five times at most, so `work` must have no effect outside the database.
   */
  async transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    return this.#repeated(this.#pool, work, client => asQueryable(client))
  }

  /**
   * The same on a connection that plans each of its statements once, by key (`PLAN_BY_KEY`): for transactions that are made a
   * hundred times a second, of texts that are always the same.
   */
  async plannedTransaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    return this.#repeated(this.#planned, work, asPlanned)
  }

  async #repeated<T>(
    pool: pg.Pool,
    work: (tx: Transaction) => Promise<T>,
    queryable: (client: pg.PoolClient) => Queryable,
  ): Promise<T> {
    const publish = this.#publish
    return repeating(() => transactionOnce(pool, work, { queryable, publish }), this.#random)
  }

  /** Of what was committed before. */
  async announce(notice: Notice): Promise<void> {
    if (this.#publish === undefined) await this.query(NOTIFY, [notice])
    else this.#publish(notice)
  }

  /**
   * One statement that is a transaction of its own, for the hottest ones: two round trips less, and no planning after a
   * connection's first time. Its plan finds rows by key (`PLAN_BY_KEY`). Repeated like a transaction.
   */
  async once<R extends object = Row>(
    statement: PlannedStatement,
    values: readonly unknown[],
  ): Promise<{ rows: R[]; rowCount: number }> {
    return repeating(async () => {
      const result = await this.#planned
        .query<R>({ ...statement, values: values as unknown[] })
        .catch(rethrowWithoutRow)
      return { rows: result.rows, rowCount: result.rowCount ?? 0 }
    }, this.#random)
  }

  /**
   * A connection of its own, outside the pool's turns, for session-level locks; its answers are waited for without end.
   * The caller releases it.
   */
  async connection(): Promise<Queryable & { release(): void }> {
    const client = await this.#pool.connect()
    return Object.assign(asQueryable(client, NO_ANSWER_LIMIT_MS), { release: () => client.release(true) })
  }

  async close(): Promise<void> {
    await Promise.all([this.#pool.end(), this.#planned.end()])
  }
}

/** The pool waits for it, though the type of `onConnect` does not say so. */
function preparedBy(settings: string): (client: pg.ClientBase) => void {
  const prepare = async (client: pg.ClientBase) => {
    await client.query(settings)
  }
  return prepare as (client: pg.ClientBase) => void
}

interface Ways {
  readonly queryable: (client: pg.PoolClient) => Queryable
  readonly publish: Publish | undefined
}

async function transactionOnce<T>(
  pool: pg.Pool,
  work: (tx: Transaction) => Promise<T>,
  ways: Ways,
): Promise<T> {
  const client = await pool.connect()
  let broken: Error | undefined
  try {
    return await fromBeginToCommit(client, work, ways)
  } catch (error) {
    if (isUnanswered(error))
      broken = error as Error // it would not answer a rollback either
    else
      await client.query('rollback').catch((failure: Error) => {
        broken = failure
      })
    throw error
  } finally {
    client.release(broken)
  }
}

/**
 * The answers to the beginning and to what is only sent are asked for at the end: each that is waited for is a round trip. A
 * commit after a failure is a rollback, whose answer says nothing of that; what failed does.
 */
async function fromBeginToCommit<T>(
  client: pg.PoolClient,
  work: (tx: Transaction) => Promise<T>,
  ways: Ways,
): Promise<T> {
  const queryable = ways.queryable(client)
  const unasked: Promise<unknown>[] = []
  const send = (text: string, values?: readonly unknown[]) => {
    const sent = queryable.query(text, values)
    sent.catch(() => undefined) // it is told below
    unasked.push(sent)
  }
  const announced = new Set<Notice>()
  const announce = (notice: Notice) => {
    if (ways.publish === undefined) send(NOTIFY, [notice])
    else announced.add(notice)
  }
  const begun = client.query('begin')
  begun.catch(() => undefined)
  unasked.push(begun)
  try {
    const result = await work({ ...queryable, send, announce })
    await Promise.all([...unasked, client.query('commit')])
    for (const notice of announced) ways.publish?.(notice)
    return result
  } catch (error) {
    for (const it of unasked) await it // the first that failed is why all that follows did
    throw error
  }
}

async function repeating<T>(work: () => Promise<T>, random: () => number): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work()
    } catch (error) {
      if (attempt >= TRANSACTION_TRIES || !isCollision(error)) throw error
      await delay(random() * REPEAT_WITHIN_MS * 2 ** attempt)
    }
  }
}

/** Without `answerTimeoutMs` that of the pool holds. */
function asQueryable(client: pg.PoolClient, answerTimeoutMs?: number): Queryable {
  const options = answerTimeoutMs === undefined ? {} : { query_timeout: answerTimeoutMs }
  return {
    async query<R extends object = Row>(text: string, values?: readonly unknown[]) {
      const config: pg.QueryConfig = { text, ...options, ...(values && { values: values as unknown[] }) }
      const result = await client.query<R>(config).catch(rethrowWithoutRow)
      return { rows: result.rows, rowCount: result.rowCount ?? 0 }
    },
  }
}

const plannedNames = new Map<string, string>()

/** A name is what makes PostgreSQL keep a statement; each text has one, for as long as there are few. */
function plannedNameOf(text: string): { readonly name?: string } {
  const known = plannedNames.get(text)
  if (known !== undefined) return { name: known }
  if (plannedNames.size >= PLANNED_TEXTS_MAX) return {}
  const name = `text_${plannedNames.size}`
  plannedNames.set(text, name)
  return { name }
}

function asPlanned(client: pg.PoolClient): Queryable {
  return {
    async query<R extends object = Row>(text: string, values: readonly unknown[] = []) {
      const statement = { ...plannedNameOf(text), text, values: values as unknown[] }
      const result = await client.query<R>(statement).catch(rethrowWithoutRow)
      return { rows: result.rows, rowCount: result.rowCount ?? 0 }
    },
  }
}

/** PostgreSQL quotes the row that it refuses, with the address or key in it, and whoever catches this may log it. */
function rethrowWithoutRow(error: unknown): never {
  if (error instanceof pg.DatabaseError) {
    error.detail = undefined
    error.where = undefined
  }
  throw error
}

/** The text is pg's, which has no code for it. */
function isUnanswered(error: unknown): boolean {
  return error instanceof Error && error.message === 'Query read timeout'
}

/**
 * PostgreSQL, appendix A. Classes 08 (connection), 28 (it does not let us in), 53 (no disk, memory or connection is left),
 * 57P (shutting down, starting up) and 58 (its disk fails); 25006: it takes no writes, being a standby or full;
 * 3D000: our database is not there; 40001, 40P01: collided with others to the end; 55P03, 57014: a lock or a statement
 * ran into its time limit. After all of these nothing was stored, and it may be when they are over.
 */
const AWAY_STATES = /^(08...|28...|53...|57P..|58...|25006|3D000|40001|40P01|55P03|57014)$/
/** What the system says of a connection that is not made, or lost. */
const AWAY_ERRNOS = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EMFILE',
  'ENFILE',
])

/** Whether the database can't serve at the moment, whatever is asked of it. */
export function isDatabaseAway(error: unknown): boolean {
  const code = codeOf(error)
  return (
    AWAY_STATES.test(code) ||
    AWAY_ERRNOS.has(code) ||
    isUnanswered(error) ||
    // pg's and its pool's, which have no codes either
    /Connection terminated|timeout exceeded when trying to connect|not queryable/.test(String(error))
  )
}

/** A statement or a lock took longer than its limit: the database serves, and this may be too much for it again. */
export function isTimedOut(error: unknown): boolean {
  return ['57014', '55P03'].includes(codeOf(error))
}

/** It ran into another one, whatever it holds: repeating it, or parts of it, may do. */
export function isCollision(error: unknown): boolean {
  return REPEATABLE.has(codeOf(error))
}

/** PostgreSQL's five-character error code, or "". */
export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
}

/**
 * The database does not take a value, and would not the next time either: classes 22 (data exception), 23 (integrity
 * constraint) and 54 (program limit: a value too long for its index, or too deep). Source: PostgreSQL, appendix A.
 */
export function isDataFault(error: unknown): boolean {
  return /^(2[23]|54)/.test(codeOf(error))
}
