/**
 * What happened since the last time, from where it lies anyway: acceptances, exceptions and the ledger become counts to be
 * folded. Nothing is written for it where it happens.
 *
 * Rows have the number of the transaction that wrote them. Counted is what lies between the mark and the oldest transaction
 * that still runs: what is committed later than it was begun is not passed over, and a run that breaks off moves no mark. What is
 * erased before it was counted is counted by the erasure itself (`gatherErased`).
 */
import { KEY_BYTES } from '../../inbox/member-key.ts'
import type { Database, Queryable } from '../../store/database.ts'
import { forgetNumbersAhead, forgetNumbersFrom } from './moved.ts'
import { latencyPlace, quarterOf, reasonOf } from './words.ts'

const MARK = "select xid from stat_mark where source = 'base' for update"
/** Asked with the mark held: a snapshot of before may be older than what another process has counted up to meanwhile. */
const UNTIL = 'select pg_snapshot_xmin(pg_current_snapshot())::text::bigint as until'

const REASON = reasonOf('reason')
/** The index ledger_written. */
const LEDGER_XID = '(l.xid::text::bigint)'

/** Of campaigns alone: the others are many, and of few devices. */
const OF_CAMPAIGN = 'case when m.lane = 2 then m.id end'

const ACCEPTED = `
  with new as (
    select m.app_id, ${OF_CAMPAIGN} as message_id, m.campaign, a.at, b.provider as gateway,
           octet_length(a.accepted) / ${KEY_BYTES} as n,
           a.at - case when isfinite(b.slot_at) then b.slot_at else coalesce(b.send_at, m.send_at) end as waited
      from acceptance a
      join batch b on b.id = a.batch_id
      join message m on m.id = a.message_id
     where a.xid >= $1 and a.xid < $2 and m.knock is null
  )
  insert into stat_tally (app_id, message_id, campaign, at, gateway, metric, detail, n)
  select app_id, message_id, campaign, ${quarterOf('at')}, gateway, 'accepted', '', sum(n)
    from new group by 1, 2, 3, 4, 5
  union all
  select app_id, message_id, campaign, ${quarterOf('at')}, gateway, 'latency_accepted', ${latencyPlace('waited')}, sum(n)
    from new group by 1, 2, 3, 4, 5, 7`

const EXCEPTED = (erased: string) => `
  insert into stat_tally (app_id, message_id, campaign, at, gateway, metric, detail, n)
  select m.app_id, ${OF_CAMPAIGN}, m.campaign, ${quarterOf('e.at')}, coalesce(e.provider, ''), e.outcome, ${REASON}, count(*)
    from delivery_exception e
    join message m on m.id = e.message_id
   where e.xid >= $1 and e.xid < $2 and m.knock is null ${erased}
   group by 1, 2, 3, 4, 5, 6, 7`

/** What became of an address that died is told a day later, and counts when it died. */
const HAPPENED = "coalesce((l.evidence ->> 'diedAt')::timestamptz, l.at)"

/** Of addresses that messages go to. One that was dead when its device asked to be left alone has left the base before. */
const LEDGER = (erased: string) => `
  insert into stat_tally (app_id, at, gateway, metric, detail, n)
  select l.app_id, ${quarterOf(HAPPENED)}, l.provider, 'ledger_' || l.event, coalesce(${REASON}, ''), count(*)
    from ledger l
   where l.kind = 'alert' and ${LEDGER_XID} >= $1 and ${LEDGER_XID} < $2 ${erased}
     and (l.event <> 'unregistered' or l.evidence ->> 'formerState' is null)
   group by 1, 2, 3, 4, 5`

/** Another process that does it at the moment is waited for. */
export async function gather(db: Database, at: number): Promise<void> {
  const moved = await gatherNext(db, at)
  if (moved === undefined) return
  await forgetNumbersAhead(db)
  // Unless another process was first. The rest is counted in a minute.
  await db.query("update stat_mark set xid = $1 where source = 'base' and xid = $2", [moved.until, moved.xid])
}

/** Returns the mark of a database that was moved; what it had not counted before that is. */
function gatherNext(db: Database, at: number): Promise<Mark | undefined> {
  return db.transaction(async tx => {
    const mark = await holdMark(tx)
    if (mark === undefined) return
    const { xid, until } = mark
    if (until < xid) {
      await count(tx, { xid, until: NO_END })
      await forgetNumbersFrom(tx, xid)
      return mark
    }
    if (until > xid) await count(tx, mark)
    await tx.query("update stat_mark set xid = $1, at = $2 where source = 'base'", [until, new Date(at)])
    return
  })
}

interface Mark {
  readonly xid: number
  readonly until: number
}

async function holdMark(tx: Queryable): Promise<Mark | undefined> {
  const { rows: marks } = await tx.query<{ xid: number }>(MARK)
  const { rows } = await tx.query<{ until: number }>(UNTIL)
  return marks[0] === undefined || rows[0] === undefined ? undefined : { ...marks[0], ...rows[0] }
}

const NO_END = '9223372036854775807'

interface Range {
  readonly xid: number
  readonly until: number | typeof NO_END
}

async function count(tx: Queryable, { xid, until }: Range): Promise<void> {
  await tx.query('set local enable_seqscan = off') // nobody has told the planner what the numbers are like
  for (const statement of [ACCEPTED, EXCEPTED(''), LEDGER('')]) await tx.query(statement, [xid, until])
}

/**
 * What is about to be erased of devices that are gone and was not counted yet, in the transaction that erases it. The mark stands still
 * until that is over.
 */
export async function gatherErased(
  tx: Queryable,
  {
    appId,
    hwids,
    buckets,
  }: { readonly appId: number; readonly hwids: readonly string[]; readonly buckets: readonly number[] },
): Promise<void> {
  const { rows } = await tx.query<{ xid: number }>(
    "select xid from stat_mark where source = 'base' for share",
  )
  const ofDevices = (row: string) =>
    `and ${row}.app_id = $3 and (${row}.bucket, ${row}.hwid) in (select * from unnest($4::smallint[], $5::text[]))
     and not exists (select from device d where d.bucket = ${row}.bucket and d.app_id = $3 and d.hwid = ${row}.hwid)`
  const keys = [rows[0]?.xid ?? 0, NO_END, appId, buckets, hwids]
  await tx.query(EXCEPTED(ofDevices('e')), keys)
  await tx.query(LEDGER(ofDevices('l')), keys)
}
