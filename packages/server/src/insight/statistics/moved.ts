/**
 * A database that was moved by dump and restore counts its transactions anew, while its rows keep the numbers that they had. Those
 * lie ahead there, and would be counted a second time when the new ones come to them; so they are forgotten. What a physical copy
 * or a standby goes on with are the same numbers.
 * Source: PostgreSQL, "SQL Dump": what is dumped is the content of the columns.
 */
import { BUCKETS } from '../../registry/buckets.ts'
import type { Queryable } from '../../store/database.ts'

/** By table, as its index has it (acceptance_written and the like). */
const XID_OF = {
  acceptance: 'xid',
  delivery_exception: 'xid',
  ledger: '(xid::text::bigint)',
} as const
const BY_BUCKET = ['delivery_exception', 'ledger'] as const
const ALL = ['acceptance', ...BY_BUCKET] as const

/** No transaction has come to these numbers here yet. */
const isAhead = (table: keyof typeof XID_OF) =>
  `${XID_OF[table]} > pg_snapshot_xmax(pg_current_snapshot())::text::bigint`

/** A bucket at a time, so that no statement takes long; those who come later find less to do. Safe to repeat. */
export async function forgetNumbersAhead(db: Queryable): Promise<void> {
  await db.query(`update acceptance set xid = null where ${isAhead('acceptance')}`)
  for (let bucket = 0; bucket < BUCKETS; bucket++)
    for (const table of BY_BUCKET)
      await db.query(`update ${table} set xid = null where bucket = $1 and ${isAhead(table)}`, [bucket])
}

/** Those that were counted a moment ago, in the transaction that counted them. */
export async function forgetNumbersFrom(tx: Queryable, xid: number): Promise<void> {
  for (const table of ALL)
    await tx.query(`update ${table} set xid = null where ${XID_OF[table]} >= $1`, [xid])
}
