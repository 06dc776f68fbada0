/**
 * How many devices an app has, by platform and by the state of their newest address, and how many of them can be reached.
 *
 * A base of some ten thousand devices is counted whole. Of a larger one some of its buckets are: by key, in the same time at any size. To count
 * all of ten million is a pass over both tables, which takes as long as they are large, so it is done for who asks for it.
 */
import { estimateOf } from '../../audience/size.ts'
import { hasToldSince } from '../../hygiene/aging.ts'
import { readPolicy } from '../../hygiene/policy.ts'
import { BUCKETS } from '../../registry/buckets.ts'
import type { Database, Queryable } from '../../store/database.ts'
import { chooseBuckets } from './sample.ts'

const DAY_MS = 24 * 3_600_000
/** Up to twice as many are counted, at some 10 µs each where their pages are in memory; their number is off by 2 % then, 95 of 100 times. */
const DEVICES_WANTED = 7500
/** Of a whole count: ten million take a minute on two busy cores. */
const EXACT_TIMEOUT = "set statement_timeout = '10min'"

/** `unregistered` asked to be left alone; `none` never had an address. */
const STATES = [
  'active',
  'suspect',
  'dead',
  'superseded',
  'moved',
  'quarantined',
  'unregistered',
  'none',
] as const

export type PlatformCounts = { readonly platform: string; readonly devices: number } & Readonly<
  Record<(typeof STATES)[number], number>
>

export interface DeviceStates {
  readonly devices: number
  /** With an address that is sent to, and not dormant. */
  readonly reachable: number
  /** R15: with such an address, and nothing was heard of them for the policy's time. `dispatch/chunk.ts` sends by the same. */
  readonly dormant: number
  /** Of `devices`, either way; of the n devices of another number √(devices ÷ n) times as much. 0: all were counted. */
  readonly errorPercent: number
  /** Most devices first. */
  readonly byPlatform: readonly PlatformCounts[]
}

export interface StatesQuery {
  readonly appId: number
  /** ms; days are counted back from it. */
  readonly at: number
  readonly isExact: boolean
}

export async function countStates(db: Database, query: StatesQuery): Promise<DeviceStates> {
  const { dormantDays } = await readPolicy(db, query.appId)
  const values = [query.appId, new Date(query.at - dormantDays * DAY_MS)]
  return query.isExact ? countAll(db, values) : countSample(db, values)
}

type Cell = PlatformCounts & { readonly dormant: number; readonly bucket?: number }

/**
 * The newest address of each device tells its state: the one that is sent to, of which it has one at most, or else the last that
 * ended, which is looked for only where there is none.
 */
const COUNTS = `
  select coalesce(d.platform, 'other') as platform, count(*)::integer as devices,
         ${STATES.map(state => `count(*) filter (where s.state = '${state}')::integer as "${state}"`).join(',\n         ')},
         count(*) filter (where d.last_seen_at < $2::timestamptz and a.last_registered_at < $2::timestamptz
                            and not ${hasToldSince('$2::timestamptz')})::integer as dormant
    from device d
    left join address a on a.bucket = d.bucket and a.app_id = d.app_id and a.hwid = d.hwid and a.kind = 'alert'
                       and a.state in ('active', 'suspect')
    left join lateral (
      select case when e.reason = 'unregistered' then 'unregistered' else e.state end as state
        from address e
       where a.hwid is null and e.bucket = d.bucket and e.app_id = d.app_id and e.hwid = d.hwid and e.kind = 'alert'
       order by e.state_since desc
       limit 1) ended on true
   cross join lateral (select coalesce(a.state, ended.state, 'none') as state) s
   where d.app_id = $1`

const COUNT_ALL = `${COUNTS} group by 1`
const COUNT_BUCKETS = `
  select b.bucket, c.* from unnest($3::smallint[]) as b (bucket)
   cross join lateral (${COUNTS} and d.bucket = b.bucket group by 1) c`

async function countAll(db: Database, values: readonly unknown[]): Promise<DeviceStates> {
  const session = await db.connection()
  try {
    await session.query(EXACT_TIMEOUT)
    return statesOf((await session.query<Cell>(COUNT_ALL, values)).rows, { share: 1, errorPercent: 0 })
  } finally {
    session.release()
  }
}

async function countSample(db: Queryable, values: readonly unknown[]): Promise<DeviceStates> {
  const appId = values[0] as number
  const buckets = await chooseBuckets(db, { appId, devices: DEVICES_WANTED })
  const { rows } = await db.query<Cell>(COUNT_BUCKETS, [...values, buckets])
  const perBucket = buckets.map(it => sum(rows.filter(row => row.bucket === it).map(row => row.devices)))
  const isWhole = buckets.length === BUCKETS
  return statesOf(rows, {
    share: buckets.length / BUCKETS,
    errorPercent: isWhole ? 0 : estimateOf(perBucket).errorPercent,
  })
}

/** What all numbers are made of is rounded, so that they still add up. */
function statesOf(
  cells: readonly Cell[],
  { share, errorPercent }: { readonly share: number; readonly errorPercent: number },
): DeviceStates {
  const total = (of: (cell: Cell) => number, among = cells) => Math.round(sum(among.map(of)) / share)
  const byPlatform = [...new Set(cells.map(it => it.platform))].map(platform => {
    const own = cells.filter(it => it.platform === platform)
    const states = STATES.map(state => [state, total(it => it[state], own)] as const)
    const counts = Object.fromEntries(states) as Record<(typeof STATES)[number], number>
    return { platform, devices: sum(Object.values(counts)), ...counts }
  })
  const dormant = total(it => it.dormant)
  return {
    devices: sum(byPlatform.map(it => it.devices)),
    reachable: sum(byPlatform.map(it => it.active + it.suspect)) - dormant,
    dormant,
    errorPercent,
    byPlatform: byPlatform.toSorted(
      (one, other) => other.devices - one.devices || (one.platform < other.platform ? -1 : 1),
    ),
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, it) => total + it, 0)
}
