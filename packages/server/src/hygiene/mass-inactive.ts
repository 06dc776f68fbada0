/**
 * Alert: so many addresses have become inactive within a day (R15) that the policy, or a version of the app that tells of no
 * opens, may be wrong. Looked at after each run that ends them; closes after one that ended few.
 */
import type { Database } from '../store/database.ts'
import { closeOpen, raiseAlert } from './alerts.ts'

/** Fewer are nobody's mistake. */
const LEAST = 100
/** Of what was in the base before. */
const SHARE = 0.1

/** Uses the index ledger_removal_time; who has come back since counts all the same. */
const COUNT = `
  select count(*)::integer as count from ledger l
   where l.app_id = $1 and l.event = 'dead' and l.reason = 'inactive'
     and l.at > $2::timestamptz - interval '1 day' and l.at <= $2`

const COUNT_LEFT = `
  select count(*)::integer as count from address
   where app_id = $1 and kind = 'alert' and state in ('active', 'suspect')`

/** `at`: ms. */
export async function watchInactive(
  db: Database,
  { appId, at }: { readonly appId: number; readonly at: number },
): Promise<void> {
  const removed = await countOf(db, COUNT, [appId, new Date(at)])
  const left = removed < LEAST ? 0 : await countOf(db, COUNT_LEFT, [appId])
  const about = { appId, kind: 'mass_inactive', subject: '', at } as const
  const isMuch = removed >= LEAST && removed > SHARE * (removed + left)
  const data = { removed, left, from: new Date(at - 24 * 60 * 60_000).toISOString() }
  await db.transaction(async tx => {
    if (isMuch) await raiseAlert(tx, { ...about, data })
    else await closeOpen(tx, about)
  })
}

async function countOf(db: Database, sql: string, values: unknown[]): Promise<number> {
  return (await db.query<{ count: number }>(sql, values)).rows[0]?.count ?? 0
}
