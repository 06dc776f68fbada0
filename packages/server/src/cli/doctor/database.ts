/**
 * The database, seen from inside: whether it is one that Roost can work with, has our schema, and is well. Nothing is
 * changed in it.
 * Source: PostgreSQL, "The Cumulative Statistics System", "Routine Vacuuming", "Resource Consumption".
 */
import { isPublicAddress } from '@roost/gateways'
import { codeOf, type Database, type Queryable } from '../../store/database.ts'
import { readMigrations } from '../../store/migrate.ts'
import { OLDEST_POSTGRES } from '../../store/prepare.ts'
import {
  bytesOf,
  durationOf,
  type Finding,
  looking,
  messageOf,
  ok,
  unknown,
  warning,
  wrong,
} from './finding.ts'

const SUBJECT = 'PostgreSQL'
const MINUTE_MS = 60_000
/** Leases go by its clock, times of messages by ours. */
const CLOCK_OFF_MS = 5000
const CLOCK_WRONG_MS = MINUTE_MS
const CONNECTIONS_SHARE = 0.8
const CONNECTIONS_LEFT_MIN = 30
const LONG_MS = 5 * MINUTE_MS
const VERY_LONG_MS = 60 * MINUTE_MS
const DEAD_ROWS = 100_000
const DEAD_SHARE = 0.3
const KEPT_LOG_BYTES = 5 * 1024 ** 3

export interface Looked {
  readonly findings: readonly Finding[]
  /** There is something to be looked at further on. */
  readonly hasSchema: boolean
}

export interface Watching {
  /** The clock of this machine, ms. */
  now(): number
  /** How long a transaction may be open. Default: five minutes. */
  readonly longMs?: number
}

export async function lookAtDatabase(db: Database, watching: Watching): Promise<Looked> {
  try {
    await db.query('select 1')
  } catch (error) {
    return { findings: [awayFinding(error)], hasSchema: false }
  }
  const { findings, hasSchema } = await schemaFindings(db)
  const looks = [
    looking(SUBJECT, () => serverFindings(db)),
    looking('schema', () => [...findings]),
    looking('clock of PostgreSQL', () => clockFindings(db, watching)),
    looking('connections', () => connectionFindings(db)),
    looking('transactions', () => transactionFindings(db, watching)),
    looking('dead rows', () => deadRowFindings(db)),
    looking('kept log', () => keptLogFindings(db)),
  ]
  return { findings: (await Promise.all(looks)).flat(), hasSchema }
}

const REMEDIES: Readonly<Record<string, string>> = {
  '28P01': 'Correct user and password in ROOST_DATABASE_URL.',
  '28000': 'Let pg_hba.conf of PostgreSQL take this user from this machine, or correct ROOST_DATABASE_URL.',
  '3D000': 'Make the database (create database …), or correct its name in ROOST_DATABASE_URL.',
  '53300':
    'All its connections are taken: end what holds them (the view pg_stat_activity tells), or raise max_connections.',
  '57P03': 'It is starting or recovering: wait and look again.',
  ENOTFOUND: 'No name server knows its host: correct ROOST_DATABASE_URL, or the DNS of this machine.',
  ECONNREFUSED: 'Nobody listens there: start PostgreSQL, or correct host and port in ROOST_DATABASE_URL.',
}

function awayFinding(error: unknown): Finding {
  const code = codeOf(error) || codeOf((error as Error).cause)
  return wrong(
    SUBJECT,
    `can't be asked: ${messageOf(error)}`,
    REMEDIES[code] ?? 'Check ROOST_DATABASE_URL, and that PostgreSQL runs there.',
  )
}

// ── the server ────────────────────────────────────────────────────────────────────────────────────────────────────────

interface Server {
  readonly version: string
  readonly number: number
  readonly isReadOnly: boolean
  readonly isStandby: boolean
  readonly fsync: string
  readonly fullPageWrites: string
  readonly synchronousCommit: string
  readonly autovacuum: string
  /** Of sessions that say nothing of it. */
  readonly jit: string
  readonly bytes: number
  readonly address: string | null
  readonly isEncrypted: boolean | null
}

const SERVER = `
  select current_setting('server_version') as version, current_setting('server_version_num')::integer as number,
         current_setting('transaction_read_only')::boolean as "isReadOnly", pg_is_in_recovery() as "isStandby",
         current_setting('fsync') as fsync, current_setting('full_page_writes') as "fullPageWrites",
         current_setting('synchronous_commit') as "synchronousCommit", current_setting('autovacuum') as autovacuum,
         (select reset_val from pg_settings where name = 'jit') as jit,
         pg_database_size(current_database()) as bytes, host(inet_server_addr()) as address,
         (select ssl from pg_stat_ssl where pid = pg_backend_pid()) as "isEncrypted"`

async function serverFindings(db: Queryable): Promise<Finding[]> {
  const { rows } = await db.query<Server>(SERVER)
  return rows.flatMap(judgeServer)
}

function judgeServer(server: Server): Finding[] {
  const { version, number, isReadOnly, isStandby, bytes, jit } = server
  const findings = [...writingFindings(server), ...tellingFindings(server)]
  if (number < OLDEST_POSTGRES * 10_000)
    findings.push(
      wrong(
        SUBJECT,
        `${version}; Roost needs ${OLDEST_POSTGRES} or later`,
        'Upgrade it, or name another one with ROOST_DATABASE_URL.',
      ),
    )
  else if (isStandby || isReadOnly)
    findings.push(
      wrong(
        SUBJECT,
        isStandby
          ? 'takes no writes: it is a standby'
          : 'takes no writes: default_transaction_read_only is on',
        isStandby
          ? 'Let ROOST_DATABASE_URL name the primary.'
          : 'Free its disk if it was switched on for that, and switch it off: alter database … reset default_transaction_read_only.',
      ),
    )
  else
    findings.push(
      ok(SUBJECT, `${version}, ${bytesOf(bytes)}${jit === 'on' ? '; JIT is off in sessions of Roost' : ''}`),
    )
  return findings
}

function writingFindings({ fsync, fullPageWrites, synchronousCommit, autovacuum }: Server): Finding[] {
  const findings: Finding[] = []
  if (fsync === 'off' || fullPageWrites === 'off')
    findings.push(
      wrong(
        'durability',
        `${fsync === 'off' ? 'fsync' : 'full_page_writes'} is off: when its machine fails, the whole base may be lost`,
        'Switch it on in postgresql.conf, and start PostgreSQL anew.',
      ),
    )
  if (synchronousCommit === 'off')
    findings.push(
      warning(
        'durability',
        'synchronous_commit is off: registrations that were answered may be lost, and messages sent twice, when it fails',
        'Switch it on in postgresql.conf, or for this database: alter database … reset synchronous_commit.',
      ),
    )
  if (autovacuum === 'off')
    findings.push(
      wrong(
        'autovacuum',
        'is off: dead rows are never cleared away, and the base gets slower by the day',
        'Switch it on in postgresql.conf.',
      ),
    )
  return findings
}

function tellingFindings({ address, isEncrypted }: Server): Finding[] {
  if (address === null || isEncrypted !== false || !isPublicAddress(address)) return []
  return [
    warning(
      'encryption',
      `the connection to ${address} is not encrypted, and that is a public address`,
      'Add ?sslmode=verify-full to ROOST_DATABASE_URL.',
    ),
  ]
}

// ── the schema ────────────────────────────────────────────────────────────────────────────────────────────────────────

async function schemaFindings(db: Queryable): Promise<Looked> {
  const subject = 'schema'
  const known = (await readMigrations()).map(it => it.version)
  const { rows } = await db.query<{ has: boolean }>("select to_regclass('schema_version') is not null as has")
  if (rows[0]?.has !== true) {
    const finding = warning(
      subject,
      'there is none yet',
      'Start a server, or run roost migrate: either makes it.',
    )
    return { findings: [finding], hasSchema: false }
  }
  const versions = (await db.query<{ version: number }>('select version from schema_version')).rows
  const applied = new Set(versions.map(it => it.version))
  const missing = known.filter(it => !applied.has(it))
  const newer = [...applied].filter(it => it > (known.at(-1) ?? 0))
  const findings = [
    ...(missing.length === 0
      ? []
      : [
          wrong(
            subject,
            `${missing.length} migration(s) are missing, from ${missing[0]} on`,
            'Run roost migrate of this version, or start its server.',
          ),
        ]),
    ...(newer.length === 0
      ? []
      : [
          warning(
            subject,
            `a newer Roost has been here: it has ${newer.join(', ')} besides`,
            'Replace this one with that version on all machines.',
          ),
        ]),
    ...(await looking('indexes', () => indexFindings(db))),
  ]
  const all = findings.length === 0 ? [ok(subject, `up to date (${Math.max(...applied)})`)] : findings
  return { findings: all, hasSchema: missing.length === 0 }
}

/** What `create index concurrently` leaves behind when it breaks off. */
const INVALID_INDEXES = `
  select c.relname as name from pg_index i join pg_class c on c.oid = i.indexrelid
    join pg_namespace n on n.oid = c.relnamespace
   where not i.indisvalid and n.nspname = current_schema()
     and not exists (select from pg_stat_progress_create_index p where p.index_relid = i.indexrelid)
   order by 1`

async function indexFindings(db: Queryable): Promise<Finding[]> {
  const { rows } = await db.query<{ name: string }>(INVALID_INDEXES)
  return rows.map(({ name }) =>
    wrong(
      'indexes',
      `${name} was not built to its end, so nothing is found by it`,
      `reindex index concurrently ${name};`,
    ),
  )
}

// ── how it fares ──────────────────────────────────────────────────────────────────────────────────────────────────────

async function clockFindings(db: Queryable, clock: Watching): Promise<Finding[]> {
  const subject = 'clock of PostgreSQL'
  const before = clock.now()
  const { rows } = await db.query<{ at: string }>('select clock_timestamp() as at')
  const aheadMs = Date.parse(rows[0]?.at ?? '') - (before + clock.now()) / 2
  const offMs = Math.abs(aheadMs)
  if (offMs < CLOCK_OFF_MS) return [ok(subject, 'as that of this machine')]
  const says = `${durationOf(offMs)} ${aheadMs > 0 ? 'ahead of' : 'behind'} that of this machine`
  const remedy = 'Keep both right with NTP.'
  return [offMs < CLOCK_WRONG_MS ? warning(subject, says, remedy) : wrong(subject, says, remedy)]
}

interface Connections {
  readonly used: number
  readonly ours: number
  readonly most: number
}

const CONNECTIONS = `
  select count(*) as used, count(*) filter (where application_name like 'roost%') as ours,
         current_setting('max_connections')::integer - current_setting('superuser_reserved_connections')::integer as most
    from pg_stat_activity where backend_type = 'client backend'`

async function connectionFindings(db: Queryable): Promise<Finding[]> {
  const { rows } = await db.query<Connections>(CONNECTIONS)
  return rows.map(judgeConnections)
}

export function judgeConnections({ used, ours, most }: Connections): Finding {
  const says = `${used} of ${most} are taken, ${ours} by Roost`
  const remedy = 'Raise max_connections, or end what holds them; a server process takes 30.'
  if (used >= most) return wrong('connections', says, remedy)
  return used > most * CONNECTIONS_SHARE && most - used < CONNECTIONS_LEFT_MIN
    ? warning('connections', says, remedy)
    : ok('connections', says)
}

interface Transaction {
  readonly pid: number
  readonly application: string
  readonly state: string
  readonly ms: number
}

const OLDEST_TRANSACTION = `
  select pid, coalesce(application_name, '') as application, coalesce(state, '') as state,
         1000 * extract(epoch from clock_timestamp() - xact_start)::float as ms
    from pg_stat_activity
   where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'
   order by xact_start nulls last limit 1`
const OLDEST_PREPARED = `
  select gid, 1000 * extract(epoch from clock_timestamp() - prepared)::float as ms
    from pg_prepared_xacts where database = current_database() order by prepared limit 1`

async function transactionFindings(db: Queryable, { longMs = LONG_MS }: Watching): Promise<Finding[]> {
  const subject = 'transactions'
  const open = (await db.query<Transaction>(OLDEST_TRANSACTION)).rows[0]
  const prepared = (await db.query<{ gid: string; ms: number }>(OLDEST_PREPARED)).rows[0]
  const what = 'Nothing that has died since is cleared away, and it may hold locks.'
  const findings: Finding[] = []
  if (open !== undefined && open.ms !== null && open.ms > longMs)
    findings.push(
      (open.ms > VERY_LONG_MS ? wrong : warning)(
        subject,
        `one is open for ${durationOf(open.ms)} (process ${open.pid}${open.application === '' ? '' : `, "${open.application}"`}, ${open.state}). ${what}`,
        `Have its client end it, or: select pg_terminate_backend(${open.pid});`,
      ),
    )
  if (prepared !== undefined && prepared.ms > longMs)
    findings.push(
      wrong(
        subject,
        `a prepared one waits for ${durationOf(prepared.ms)}. ${what}`,
        `Whoever prepared it commits it or rolls it back: rollback prepared '${prepared.gid}';`,
      ),
    )
  return findings.length > 0 ? findings : [ok(subject, 'none is open for long')]
}

interface Table {
  readonly name: string
  readonly dead: number
  readonly live: number
  readonly vacuumedAt: string | null
}

const DEADEST_TABLE = `
  select relname as name, n_dead_tup as dead, n_live_tup as live, greatest(last_vacuum, last_autovacuum) as "vacuumedAt"
    from pg_stat_user_tables
   where schemaname = current_schema() and n_dead_tup > ${DEAD_ROWS}
     and n_dead_tup > ${DEAD_SHARE} * (n_dead_tup + n_live_tup)
   order by n_dead_tup desc`

async function deadRowFindings(db: Queryable): Promise<Finding[]> {
  const subject = 'dead rows'
  const { rows } = await db.query<Table>(DEADEST_TABLE)
  if (rows.length === 0) return [ok(subject, 'no table is full of them')]
  return rows.map(({ name, dead, live, vacuumedAt }) =>
    warning(
      subject,
      `${name} has ${dead} beside ${live} living ones; ${vacuumedAt === null ? 'it was never vacuumed' : `last vacuumed at ${vacuumedAt}`}`,
      `See that no transaction is open for long and autovacuum is on, then: vacuum (analyze) ${name};`,
    ),
  )
}

const KEPT_LOG = `
  select slot_name as name, pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)::float as bytes
    from pg_replication_slots where not active and not pg_is_in_recovery()`

async function keptLogFindings(db: Queryable): Promise<Finding[]> {
  const { rows } = await db.query<{ name: string; bytes: number | null }>(KEPT_LOG)
  return rows.map(({ name, bytes }) => {
    const isBig = (bytes ?? 0) > KEPT_LOG_BYTES
    return (isBig ? wrong : warning)(
      'kept log',
      `nobody reads the replication slot ${name}; PostgreSQL keeps its log for it (${bytesOf(bytes ?? 0)}) until the disk is full`,
      `Start its reader, or: select pg_drop_replication_slot('${name}');`,
    )
  })
}

export function notRunning(says: string): Finding {
  return unknown(SUBJECT, says, 'Start the server, or look with --start-database, which stops it afterwards.')
}
