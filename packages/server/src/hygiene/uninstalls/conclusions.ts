/**
 * R32: what an address died of is told a day later. A gateway's "gone" follows an uninstallation, but a reinstallation, a restore
 * from a backup and a new phone as well; so it is `uninstalled` only when the device has not come back within a day, with a new
 * token or the same one, and else `replaced`.
 *
 *   dead ──a day without a registration──▶ uninstalled        dead ──registered within a day──▶ replaced
 *   dead ──taken back (undo), erased──▶ nothing is said
 *
 * The address ends at once, this is but a line in the ledger. While tracking is on it is said of all deaths, whichever message met them:
 * a campaign that comes before the knock finds the same. The ledger goes by the moment of the death; what commits late is
 * there long before its day is over.
 * Source: Apple, "Handling notification responses from APNs" (410 is no uninstallation).
 */
import { deviceOrder } from '../../registry/lock-order.ts'
import type { Database, Queryable } from '../../store/database.ts'
import { IS_REMOVAL } from '../removals.ts'
import { GONE } from './doubt.ts'

const WITHIN = "interval '1 day'"
const SLICE = 500

export interface Concluded {
  readonly uninstalled: number
  readonly replaced: number
}

/** Says what became of all deaths that are a day old. Safe to run in several processes at once, and after any break. */
export async function concludeDeaths(db: Database, at: number): Promise<Concluded> {
  const { rows } = await db.query<{ appId: number }>(
    `select app_id as "appId" from uninstall_tracking
      where off_at is null or off_at > $1::timestamptz - interval '30 days' order by app_id`,
    [new Date(at)],
  )
  const sum = { uninstalled: 0, replaced: 0 }
  for (const { appId } of rows)
    for (;;) {
      const slice = await db.transaction(tx => concludeSlice(tx, { appId, at }))
      sum.uninstalled += slice.uninstalled
      sum.replaced += slice.replaced
      if (slice.deaths < SLICE) break
    }
  return sum
}

interface Death {
  readonly id: number
  readonly bucket: number
  readonly hwid: string
}

/** Others wait for the row; so each death is concluded once. Uses the index ledger_removal_time. */
const DEATHS = `
  with held as (
    select app_id, concluded_at, concluded_id, least($2::timestamptz - ${WITHIN}, off_at) as until
      from uninstall_tracking where app_id = $1 for update
  )
  select l.id, l.bucket, l.hwid
    from held h
    join ledger l on l.app_id = h.app_id and ${IS_REMOVAL} and l.event = 'dead' and l.kind = 'alert'
                 and l.provider in ('apns', 'fcm') and l.reason ~ '${GONE}'
                 and l.at >= h.concluded_at and (l.at, l.id) > (h.concluded_at, h.concluded_id) and l.at <= h.until
   order by l.at, l.id limit ${SLICE}`

/** With them nothing is stored of a device that is being erased: whichever comes second waits. */
const HOLD_DEVICES = `
  select from unnest($2::smallint[], $3::text[]) as i (bucket, hwid)
    join device d on d.bucket = i.bucket and d.app_id = $1 and d.hwid = i.hwid
   order by ${deviceOrder('d')} for key share of d`

/** What an import says is no sign of the device. */
const CONCLUDE = `
  with death as (
    select l.* from unnest($2::smallint[], $3::text[], $4::bigint[]) as i (bucket, hwid, id)
      join device d on d.bucket = i.bucket and d.app_id = $1 and d.hwid = i.hwid
      join ledger l on l.bucket = i.bucket and l.app_id = $1 and l.hwid = i.hwid and l.id = i.id
     where not exists (select from ledger u
                        where u.bucket = l.bucket and u.app_id = l.app_id and u.hwid = l.hwid and u.id > l.id
                          and u.event = 'removal_undone' and u.at <= l.at + ${WITHIN})
  ), concluded as (
    select e.*, case when exists (
             select from ledger r
              where r.bucket = e.bucket and r.app_id = e.app_id and r.hwid = e.hwid and r.id > e.id and r.kind = e.kind
                and r.event in ('registered', 'restored') and r.reason is distinct from 'imported'
                and r.at <= e.at + ${WITHIN}) then 'replaced' else 'uninstalled' end as conclusion
      from death e
  ), told as (
    insert into ledger (bucket, app_id, hwid, at, event, reason, provider, environment, kind, address_end, generation, evidence)
    select bucket, app_id, hwid, $5, conclusion, reason, provider, environment, kind, address_end, generation,
           jsonb_strip_nulls(jsonb_build_object('messageId', evidence ->> 'messageId', 'diedAt', at))
      from concluded order by ${deviceOrder('concluded')}, id
  ), counted as (
    insert into conclusion_tally as t (app_id, day, provider, uninstalled, replaced)
    select app_id, (at at time zone 'UTC')::date, provider, count(*) filter (where conclusion = 'uninstalled'),
           count(*) filter (where conclusion = 'replaced')
      from concluded group by 1, 2, 3 order by 1, 2, 3
    on conflict (app_id, day, provider) do update
       set uninstalled = t.uninstalled + excluded.uninstalled, replaced = t.replaced + excluded.replaced
  )
  select count(*) filter (where conclusion = 'uninstalled')::integer as uninstalled,
         count(*) filter (where conclusion = 'replaced')::integer as replaced from concluded`

async function concludeSlice(
  tx: Queryable,
  { appId, at }: { readonly appId: number; readonly at: number },
): Promise<Concluded & { readonly deaths: number }> {
  const { rows: deaths } = await tx.query<Death>(DEATHS, [appId, new Date(at)])
  const last = deaths.at(-1)
  if (last === undefined) return { deaths: 0, uninstalled: 0, replaced: 0 }
  const devices = [appId, deaths.map(it => it.bucket), deaths.map(it => it.hwid)]
  await tx.query(HOLD_DEVICES, devices)
  const { rows } = await tx.query<Concluded>(CONCLUDE, [...devices, deaths.map(it => it.id), new Date(at)])
  await tx.query(
    `update uninstall_tracking t set concluded_at = l.at, concluded_id = l.id
       from ledger l where t.app_id = $1 and l.bucket = $2 and l.app_id = $1 and l.hwid = $3 and l.id = $4`,
    [appId, last.bucket, last.hwid, last.id],
  )
  return { deaths: deaths.length, ...(rows[0] as Concluded) }
}
