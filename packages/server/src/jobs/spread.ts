/** When in the day this installation runs its daily jobs: another minute in each, so that not all of them ask the gateways at once. */
import type { Queryable } from '../store/database.ts'

const MINUTES_OF_A_DAY = 1440

/** 0 ≤ n < 1440. The canary's initialisation vector is random, and the same for all servers of a database. */
export async function readSpread(db: Queryable): Promise<number> {
  const { rows } = await db.query<{ sealed: Buffer }>('select sealed from secret_canary')
  return (rows[0]?.sealed.readUInt32BE(1) ?? 0) % MINUTES_OF_A_DAY
}
