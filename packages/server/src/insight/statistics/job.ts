/** The job of the statistics: what happened since the last time becomes hours and days. Safe to run twice, and in several processes at once. */
import type { Database } from '../../store/database.ts'
import { countBase, countInstalls } from './base.ts'
import { fold } from './fold.ts'
import { gather } from './gather.ts'

export interface Rolled {
  /** Rows of the tally. */
  readonly folded: number
  /** Apps of which a day was over. */
  readonly days: number
}

export async function rollUp(db: Database, at: number): Promise<Rolled> {
  await gather(db, at)
  const folded = await fold(db)
  await countInstalls(db)
  return { folded, days: await countBase(db, at) }
}
