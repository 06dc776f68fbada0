/**
 * How many devices an app has, and how many of them can be reached, every few seconds and on any base. Up to some twenty thousand devices all of
 * them are counted.
 */
import type { LiveDevices } from '@roost/protocol'
import { estimateOf } from '../../audience/size.ts'
import { BUCKETS } from '../../registry/buckets.ts'
import type { Queryable } from '../../store/database.ts'
import { chooseBuckets, SMALL_BASE } from './sample.ts'

/** One bucket of ten million, whose rows lie everywhere in both tables; it is asked for again and again while somebody looks on. */
const DEVICES_WANTED = 7500
const COUNT_EVERY_MS = 5000

/** By the primary keys of both tables. */
const COUNT = `
  select (select count(*) from device d where d.bucket = b.bucket and d.app_id = $1) as devices,
         (select count(*) from address a
           where a.bucket = b.bucket and a.app_id = $1 and a.kind = 'alert' and a.state in ('active', 'suspect')
             and not a.opted_out) as reachable
    from unnest($2::smallint[]) as b (bucket)`

interface Counted {
  readonly counts: LiveDevices
  readonly at: number
}

export class DeviceCounts {
  #last: ReadonlyMap<number, Counted> = new Map()

  async read(db: Queryable, appIds: readonly number[]): Promise<ReadonlyMap<number, LiveDevices>> {
    const next = new Map<number, Counted>()
    for (const appId of appIds) {
      const last = this.#last.get(appId)
      const isFresh = last !== undefined && performance.now() - last.at < COUNT_EVERY_MS
      next.set(appId, isFresh ? last : { counts: await countDevices(db, appId), at: performance.now() })
    }
    this.#last = next // of apps that nobody looks on nothing is kept
    return new Map([...next].map(([appId, { counts }]) => [appId, counts]))
  }
}

export async function countDevices(db: Queryable, appId: number): Promise<LiveDevices> {
  const buckets = await chooseBuckets(db, { appId, devices: DEVICES_WANTED, wholeUpTo: SMALL_BASE })
  const { rows } = await db.query<{ devices: number; reachable: number }>(COUNT, [appId, buckets])
  const { estimate, errorPercent } = estimateOf(rows.map(it => it.devices))
  const reachable = rows.reduce((sum, it) => sum + it.reachable, 0)
  return {
    devices: estimate,
    reachable: Math.round((reachable * BUCKETS) / rows.length),
    errorPercent: rows.length === BUCKETS ? 0 : errorPercent,
  }
}
