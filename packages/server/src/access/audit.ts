/**
 * The audit log: who changed what, and when. Kept for a year. It holds no secrets, and no ids of devices and users, so nothing of it has to be
 * erased with them.
 */
import { AUDIT_DAYS, type AuditEntry, type AuditQuery } from '@roost/protocol'
import type { Queryable } from '../store/database.ts'
import { type ExportFormat, FORMS } from '../transfer/csv.ts'
import type { Caller } from './rights.ts'

const DAY_MS = 86_400_000
const TEXT_CHARACTERS = 500
const DROPPED_AT_ONCE = 10_000

export interface AuditNote {
  /** Without an id: a command beside the server. */
  readonly by: Pick<Caller, 'kind' | 'name' | 'sessionId'> & { readonly id: number | null }
  readonly appId: number | null
  readonly what: string
  readonly subject?: string | null
  readonly before?: string | null
  readonly after?: string | null
  readonly at: number
}

export async function writeAudit(db: Queryable, note: AuditNote): Promise<void> {
  const { by, appId, what, at } = note
  await db.query(
    `insert into audit_entry (at, app_id, by, person_id, token_id, session_id, what, subject, before, after)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
    [
      new Date(at),
      appId,
      by.name,
      by.kind === 'person' ? by.id : null,
      by.kind === 'token' ? by.id : null,
      by.sessionId,
      what,
      cut(note.subject),
      cut(note.before),
      cut(note.after),
    ],
  )
}

function cut(text: string | null | undefined): string | null {
  return text?.slice(0, TEXT_CHARACTERS) ?? null
}

/** The newest first. `appId` null: of all apps, and of none. */
export async function readAudit(
  db: Queryable,
  { appId, query }: { readonly appId: number | null; readonly query: AuditQuery },
): Promise<{ readonly entries: AuditEntry[]; readonly next: string | null }> {
  const { rows } = await db.query<AuditEntry>(
    `select e.id::text as id, e.at, app.code as app, e.by, e.person_id as "personId", e.token_id as "tokenId",
            e.session_id as "sessionId", e.what, e.subject, e.before, e.after
       from audit_entry e left join app on app.id = e.app_id
      where ($1::integer is null or e.app_id = $1) and ($2::bigint is null or e.id < $2)
        and ($3::integer is null or e.person_id = $3) and ($4::integer is null or e.token_id = $4)
        and ($5::text is null or strpos(lower(e.what), lower($5)) > 0)
        and ($6::timestamptz is null or e.at >= $6) and ($7::timestamptz is null or e.at < $7)
      order by e.id desc limit $8`,
    [
      appId,
      query.after ?? null,
      query.person ?? null,
      query.token ?? null,
      query.what ?? null,
      query.from ?? null,
      query.to ?? null,
      query.limit + 1,
    ],
  )
  const entries = rows.slice(0, query.limit)
  return { entries, next: rows.length > query.limit ? (entries.at(-1)?.id ?? null) : null }
}

const CSV_COLUMNS = [
  'at',
  'app',
  'by',
  'what',
  'subject',
  'before',
  'after',
  'personId',
  'tokenId',
  'sessionId',
  'id',
] as const satisfies readonly (keyof AuditEntry)[]
const EXPORTED_AT_ONCE = 1000

/** The newest first, a thousand at a time: what comes meanwhile is not in it. */
export async function* exportAudit(
  db: Queryable,
  {
    appId,
    query,
    format,
  }: {
    readonly appId: number | null
    readonly query: Omit<AuditQuery, 'after' | 'limit'>
    readonly format: ExportFormat
  },
): AsyncGenerator<string> {
  const { mark, line } = FORMS[format]
  if (line !== undefined) yield mark + line(CSV_COLUMNS)
  for (let after: string | null | undefined; after !== null; ) {
    const page = await readAudit(db, { appId, query: { ...query, after, limit: EXPORTED_AT_ONCE } })
    yield page.entries
      .map(it => (line === undefined ? `${JSON.stringify(it)}\n` : line(CSV_COLUMNS.map(name => it[name]))))
      .join('')
    after = page.next
  }
}

/** Returns how many. */
export async function dropOldAudit(db: Queryable, at: number): Promise<number> {
  let dropped = 0
  for (;;) {
    const { rowCount } = await db.query(
      'delete from audit_entry where id in (select id from audit_entry where at < $1 order by at limit $2)',
      [new Date(at - AUDIT_DAYS * DAY_MS), DROPPED_AT_ONCE],
    )
    dropped += rowCount
    if (rowCount < DROPPED_AT_ONCE) return dropped
  }
}
