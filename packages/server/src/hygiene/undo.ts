/**
 * Undo: removals of the last 30 days are taken back, by message, reason and time. What happened to an address later always
 * wins: one that was registered again, moved to another device, was replaced or erased is left as it is. Who asked to be
 * left alone (`asked_by_device`) stays alone.
 *
 * The work is done in slices, each a transaction with the place where it ended, so a crash repeats nothing. As the feed does
 * it stops below the oldest transaction that runs, and waits for those that ran when it began. Locks go in the order of
 * registrations: device rows, directory rows, address rows, each by key.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { PushError, type UndoFilter, type UndoPreview, type UndoView } from '@roost/protocol'
import { v7 as uuidv7 } from 'uuid'
import type { Database, Queryable } from '../store/database.ts'
import { IS_UNREPLACED, lockHeld } from './locks.ts'
import { FEED_PLACE, IS_REMOVAL } from './removals.ts'

export const UNDO_DAYS = 30
const UNDO_MS = UNDO_DAYS * 24 * 60 * 60_000
/** Removals of a transaction. */
const SLICE = 500
/** For transactions that ran when it began: they mostly take milliseconds. What takes longer is left to the job. */
const WAIT_MS = 1000
const WAIT_STEP_MS = 20
/** Of the list. */
const SHOWN = 100

/** What a filter means, at the time of asking. */
interface Meant {
  readonly appId: number
  readonly messageId: string | null
  readonly reasons: readonly string[] | null
  /** ISO 8601. */
  readonly from: string
  readonly to: string
}

/** Throws `input_invalid` for what is longer ago. */
function meantBy(filter: UndoFilter, appId: number, at: number): Meant {
  const from = filter.from === undefined ? at - UNDO_MS : Date.parse(filter.from)
  if (from < at - UNDO_MS)
    throw new PushError(
      'input_invalid',
      `from is ${filter.from}; removals are taken back for ${UNDO_DAYS} days`,
    )
  return {
    appId,
    messageId: filter.messageId ?? null,
    reasons: filter.reasons ?? null,
    from: new Date(from).toISOString(),
    to: new Date(filter.to === undefined ? at + 1 : Date.parse(filter.to)).toISOString(),
  }
}

/** $1 to $5: the values of a `Meant`. The indexed list is said as well, or the planner would not see it. */
const IS_MEANT = `l.app_id = $1 and ${IS_REMOVAL} and l.event in ('dead', 'quarantined', 'unregistered')
     and l.reason <> 'asked_by_device' and l.at >= $4 and l.at < $5
     and ($2::text is null or l.evidence ->> 'messageId' = $2) and ($3::text[] is null or l.reason = any($3))`

/** The address of an entry, when nothing has happened to it since. */
const IS_STILL_REMOVED = `a.bucket = l.bucket and a.app_id = l.app_id and a.hwid = l.hwid and a.provider = l.provider
     and a.environment = l.environment and a.kind = l.kind and right(a.address, 8) = l.address_end
     and a.generation = l.generation and a.state in ('dead', 'quarantined')`

/** `addressBucketOf` in SQL. */
const ADDRESS_BUCKET = `(('x' || encode(substr(a.address_hash, 1, 4), 'hex'))::bit(32)::bigint % 1024)::smallint`

const IS_STILL_HOLDER = `exists (
       select from address_directory h
        where h.address_bucket = ${ADDRESS_BUCKET} and h.app_id = a.app_id and h.address_hash = a.address_hash
          and h.bucket = a.bucket and h.hwid = a.hwid)`

function valuesOf({ appId, messageId, reasons, from, to }: Meant): unknown[] {
  return [appId, messageId, reasons, from, to]
}

const PREVIEW = `
  select l.reason, l.provider, count(*)::integer as matched,
         count(a.bucket) filter (where ${IS_UNREPLACED} and ${IS_STILL_HOLDER}
                                   and (a.expires_at is null or a.expires_at > $6))::integer as restorable
    from ledger l left join address a on ${IS_STILL_REMOVED}
   where ${IS_MEANT}
   group by 1, 2 order by 3 desc, 1, 2`

export interface UndoRequest {
  readonly appId: number
  readonly filter: UndoFilter
  readonly at: number
}

/** What an undo would do now; of two addresses of a device that could come back only one does. Throws `input_invalid`. */
export async function previewUndo(db: Queryable, { appId, filter, at }: UndoRequest): Promise<UndoPreview> {
  const values = valuesOf(meantBy(filter, appId, at))
  const { rows } = await db.query<UndoPreview['byReason'][number]>(PREVIEW, [...values, new Date(at)])
  const sum = (of: (row: UndoPreview['byReason'][number]) => number) =>
    rows.reduce((total, row) => total + of(row), 0)
  return { matched: sum(it => it.matched), restorable: sum(it => it.restorable), byReason: rows }
}

const VIEW = `id, state, total, matched, restored, by, created_at as "createdAt", finished_at as "finishedAt"`

/**
 * What was stored until now: all transactions with lower numbers have begun. It starts at its first removal, not at those of
 * years ago. (`min` of xid8 came with PostgreSQL 16.)
 */
const BEGIN = `
  insert into removal_undo (id, app_id, filter, by, created_at, until_xid, total, cursor_xid)
  select $6, $1, $7, $8, $9, pg_current_xact_id(), count(*),
         coalesce(least(min(${FEED_PLACE}::text::numeric), pg_snapshot_xmin(pg_current_snapshot())::text::numeric), 0)::text::xid8
    from ledger l
   where ${IS_MEANT}`

/** Begins it, and does the first slice of it; what is left is the job's. Throws `input_invalid`. */
export async function startUndo(
  db: Database,
  request: UndoRequest & { readonly by: string },
): Promise<UndoView> {
  const { appId, filter, at, by } = request
  const meant = meantBy(filter, appId, at)
  const id = uuidv7()
  await db.query(BEGIN, [...valuesOf(meant), id, JSON.stringify(meant), by, new Date(at)])
  await undoNext(db, id, at)
  return readUndo(db, { appId, id })
}

/** The newest first, 100 at most. */
export async function listUndos(db: Queryable, appId: number): Promise<UndoView[]> {
  const { rows } = await db.query<UndoView>(
    `select ${VIEW} from removal_undo where app_id = $1 order by created_at desc, id desc limit ${SHOWN}`,
    [appId],
  )
  return rows
}

/** Throws `undo_unknown`. */
export async function readUndo(
  db: Queryable,
  { appId, id }: { readonly appId: number; readonly id: string },
): Promise<UndoView> {
  const { rows } = await db.query<UndoView>(
    `select ${VIEW} from removal_undo where app_id = $1 and id = $2`,
    [appId, id],
  )
  if (rows[0] === undefined) throw new PushError('undo_unknown', `this app has no undo ${id}`)
  return rows[0]
}

/** Carries all that was begun to its end. Returns how many addresses came back. Safe to run in several processes at once. */
export async function finishUndos(db: Database, at: number): Promise<number> {
  const { rows } = await db.query<{ id: string }>(
    "select id from removal_undo where state = 'running' order by created_at",
  )
  let restored = 0
  for (const { id } of rows) restored += await finishUndo(db, id, at)
  return restored
}

async function finishUndo(db: Database, id: string, at: number): Promise<number> {
  let restored = 0
  for (;;) {
    const slice = await undoNext(db, id, at)
    restored += slice.restored
    if (slice.next !== 'more') return restored
  }
}

interface SliceDone {
  readonly restored: number
  /** `wait`: transactions run that may still store what is meant. */
  readonly next: 'more' | 'wait' | 'none'
}

/** The next slice; waits a moment for transactions that are in its way. Safe to run in several processes at once. */
export async function undoNext(db: Database, id: string, at: number): Promise<SliceDone> {
  const end = performance.now() + WAIT_MS
  let restored = 0
  for (;;) {
    const slice = await undoSlice(db, id, at)
    restored += slice.restored
    if (slice.next !== 'wait' || performance.now() > end) return { restored, next: slice.next }
    await pause(WAIT_STEP_MS)
  }
}

interface Run {
  readonly filter: Meant
  readonly xid: string
  readonly ledgerId: number
  readonly untilXid: string
  /** All that is meant has been stored. */
  readonly isStored: boolean
}

interface Candidate {
  readonly xid: string
  readonly ledgerId: number
  readonly bucket: number
  readonly hwid: string
  /** Null when something has happened to the address since. */
  readonly hash: Buffer | null
  readonly generation: number
}

const PAGE = `
  select ${FEED_PLACE}::text as xid, l.id as "ledgerId", l.bucket, l.hwid, a.address_hash as hash, l.generation
    from ledger l left join address a on ${IS_STILL_REMOVED}
   where ${IS_MEANT} and (${FEED_PLACE}, l.id) > ($6::xid8, $7::bigint) and ${FEED_PLACE} < $8::xid8
     and ${FEED_PLACE} < pg_snapshot_xmin(pg_current_snapshot())
   order by ${FEED_PLACE}, l.id
   limit ${SLICE}`

function undoSlice(db: Database, id: string, at: number): Promise<SliceDone> {
  return db.transaction(async tx => {
    const { rows } = await tx.query<Run>(
      `select filter, cursor_xid::text as xid, cursor_id as "ledgerId", until_xid::text as "untilXid",
              until_xid <= pg_snapshot_xmin(pg_current_snapshot()) as "isStored"
         from removal_undo where id = $1 and state = 'running' for update`,
      [id],
    )
    const run = rows[0]
    if (run === undefined) return { restored: 0, next: 'none' } // another process has done it
    const values = [...valuesOf(run.filter), run.xid, run.ledgerId, run.untilXid]
    const page = (await tx.query<Candidate>(PAGE, values)).rows
    const restored = await restore(tx, { appId: run.filter.appId, id, at, page })
    const last = page.at(-1)
    const next = page.length === SLICE ? 'more' : run.isStored ? 'none' : 'wait'
    await tx.query(
      `update removal_undo
          set cursor_xid = $2::xid8, cursor_id = $3, matched = matched + $4, restored = restored + $5,
              state = case when $6 then 'done' else state end, finished_at = case when $6 then $7::timestamptz end
        where id = $1`,
      [
        id,
        last?.xid ?? run.xid,
        last?.ledgerId ?? run.ledgerId,
        page.length,
        restored,
        next === 'none',
        new Date(at),
      ],
    )
    return { restored, next }
  })
}

interface Slice {
  readonly appId: number
  readonly id: string
  readonly at: number
  readonly page: readonly Candidate[]
}

/** Of two addresses of a device and kind the one that was registered last. */
const RESTORE = `
  with fit as (
    select distinct on (a.bucket, a.hwid, a.kind) a.bucket, a.hwid, a.address_hash, a.reason, a.state_since
      from unnest($2::smallint[], $3::text[], $4::bytea[], $5::integer[]) as i (bucket, hwid, hash, generation)
      join address a on a.bucket = i.bucket and a.app_id = $1 and a.hwid = i.hwid and a.address_hash = i.hash
                    and a.generation = i.generation and a.state in ('dead', 'quarantined')
     where ${IS_UNREPLACED} and (a.expires_at is null or a.expires_at > $6)
     order by a.bucket, a.hwid, a.kind, a.last_registered_at desc, a.address_hash
  ), restored as (
    update address a
       set state = 'active', reason = null, generation = a.generation + 1, state_since = $6, doubts = 0, doubted_at = null,
           held_by = null, held_generation = null, old_deaths = 0, old_death_at = null,
           ages_from = $6 -- or the next night would end the inactive ones again
      from fit f
     where a.bucket = f.bucket and a.app_id = $1 and a.hwid = f.hwid and a.address_hash = f.address_hash
    returning a.*, f.reason as removed_for, f.state_since as removed_at
  )
  insert into ledger (bucket, app_id, hwid, at, event, reason, provider, environment, kind, address_end, generation,
                      evidence)
  select bucket, app_id, hwid, $6, 'removal_undone', removed_for, provider, environment, kind, right(address, 8), generation,
         jsonb_build_object('undoId', $7::uuid, 'removedAt', removed_at)
    from restored`

async function restore(tx: Queryable, { appId, id, at, page }: Slice): Promise<number> {
  const removed = page.flatMap(it => (it.hash === null ? [] : [{ ...it, hash: it.hash }]))
  if (removed.length === 0) return 0
  const still = await lockHeld(
    tx,
    removed.map(it => ({ ...it, appId })),
  )
  const { rowCount } = await tx.query(RESTORE, [
    appId,
    still.map(it => it.bucket),
    still.map(it => it.hwid),
    still.map(it => it.hash),
    still.map(it => it.generation),
    new Date(at),
    id,
  ])
  return rowCount
}
