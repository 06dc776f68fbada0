/**
 * Uninstall tracking of an app: whether it is on, in which mode, and how many it would knock at.
 *
 * A knock is a silent push that only asks a gateway whether the app is still there. `doubt` knocks at those who may be gone
 * (doubt.ts), `daily` at all; a day has one of each device at most (days.ts), and R32 says what became of those that died
 * (conclusions.ts).
 */
import {
  type KnockPreview,
  QUIET_DAYS_DEFAULT,
  type TrackingMode,
  type UninstallTracking,
} from '@roost/protocol'
import { countRest } from '../../dispatch/chunk.ts'
import { estimateAddresses } from '../../dispatch/plan.ts'
import { BUCKETS } from '../../registry/buckets.ts'
import type { Database, Queryable } from '../../store/database.ts'
import { closeDays, TRACKED } from './days.ts'
import { knockOf } from './doubt.ts'

const OFF: UninstallTracking = { enabled: false, mode: 'doubt', quietDays: QUIET_DAYS_DEFAULT }

export async function readTracking(db: Queryable, appId: number): Promise<UninstallTracking> {
  const { rows } = await db.query<UninstallTracking>(
    'select enabled, mode, quiet_days as "quietDays" from uninstall_tracking where app_id = $1',
    [appId],
  )
  return rows[0] ?? OFF
}

/**
 * Deaths of the day before it was switched off are concluded all the same. Who switches it on again within that day goes on where
 * it ended; later, with what dies from then on.
 */
const CHANGE = `
  insert into uninstall_tracking as t (app_id, enabled, mode, quiet_days, off_at, concluded_at)
  values ($1, $2, $3, $4, case when not $2 then $5::timestamptz end, $5)
  on conflict (app_id) do update
     set enabled = excluded.enabled, mode = excluded.mode, quiet_days = excluded.quiet_days,
         off_at = case when excluded.enabled then null when t.enabled then excluded.off_at else t.off_at end,
         concluded_at = case when excluded.enabled and t.off_at < $5::timestamptz - interval '1 day'
                             then excluded.concluded_at else t.concluded_at end,
         concluded_id = case when excluded.enabled and t.off_at < $5::timestamptz - interval '1 day' then 0 else t.concluded_id end`

interface TrackingChange extends UninstallTracking {
  readonly appId: number
  readonly at: number
  /** Throws where somebody has changed it meanwhile. */
  readonly unchanged?: ((tx: Queryable) => Promise<void>) | undefined
}

/** Off: what the day has not come to yet is not sent any more. Another mode begins with the next day. */
export async function changeTracking(
  db: Database,
  { appId, at, unchanged, ...wanted }: TrackingChange,
): Promise<UninstallTracking> {
  const { enabled, mode, quietDays } = wanted
  await db.transaction(async tx => {
    await unchanged?.(tx)
    await tx.query(CHANGE, [appId, enabled, mode, quietDays, new Date(at)])
  })
  if (!enabled) await closeDays(db, at)
  return readTracking(db, appId)
}

/** So many addresses are looked at, each some 30 µs; of more, those of some buckets. */
const LOOKED_AT_MAX = 50_000

interface Previewed {
  readonly appId: number
  readonly mode: TrackingMode
  readonly quietDays: number
  readonly at: number
}

/** Of a whole day that begins now. */
export async function previewKnocks(db: Queryable, asked: Previewed): Promise<KnockPreview> {
  const { appId, mode } = asked
  const estimates = await estimateAddresses(db, { appId, providers: TRACKED })
  const buckets = sampleFor(estimates.reduce((sum, it) => sum + it.addresses, 0))
  const of = await countKnocked(db, { ...asked, mode: 'daily', buckets })
  const knocks = mode === 'daily' ? of : await countKnocked(db, { ...asked, buckets })
  return { mode, knocks, of, isEstimate: buckets < BUCKETS }
}

/** Of buckets; which ones is no matter, since a device is in one by its hash. */
function sampleFor(addresses: number): number {
  return Math.max(1, Math.floor(BUCKETS * Math.min(1, LOOKED_AT_MAX / addresses)))
}

async function countKnocked(
  db: Queryable,
  { buckets, ...asked }: Previewed & { readonly buckets: number },
): Promise<number> {
  const { appId, at } = asked
  const knock = await knockOf(db, asked)
  let count = 0
  for (const provider of TRACKED) {
    const batch = { ...EVERYBODY, appId, provider, bucketFrom: 0, bucketTo: buckets - 1, knock }
    count += await countRest(db, { batch, at })
  }
  return Math.round((count * BUCKETS) / buckets)
}

/** No message is made for it. */
const EVERYBODY = {
  messageId: '00000000-0000-0000-0000-000000000000',
  cursor: null,
  target: { all: true },
  scope: null,
  slot: null,
  experiment: null,
  rules: null,
} as const
