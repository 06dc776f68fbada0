/**
 * Paces: rates that all servers on one database keep together, of a message (`sendRate`) and of a Firebase project.
 *
 * Each is a token bucket in one row. A worker takes a slice of it before it reads a chunk and gives back what it did not
 * use; a batch that gets nothing is given back and not claimed before its pace is open, so it holds no lease and nobody
 * asks in vain. The table is not logged: a slice costs a write of one row and no flush.
 */
import type { Database } from '../store/database.ts'

export interface Pace {
  readonly name: string
  readonly perSecond: number
  /** What may leave at once after a quiet time. */
  readonly burst: number
  /** Whether the first may leave in a burst. */
  readonly beginsFull: boolean
}

/** How many may leave now; of none, when to ask again and which pace it is. */
export type Slice =
  | { readonly count: number; readonly refusedBy: undefined }
  | { readonly count: 0; readonly refusedBy: string; readonly notBefore: number }

/** A quarter of a second's worth, so that slices are few; and never more than the bucket holds. */
const SLICE_SECONDS = 0.25
const MS = 1000

/** Not more than `rate` × time + one second's worth. Servers pause for half a second between looks, so less would lose some of it. */
export function paceOfMessage(messageId: string, sendRate: number): Pace {
  return { name: `message:${messageId}`, perSecond: sendRate, burst: sendRate, beginsFull: false }
}

/** Bucket and refill stay within the quota together, in whatever minute the gateway counts. */
export function paceOfQuota(name: string, perMinute: number): Pace {
  const burst = Math.max(1, Math.floor(perMinute / 60))
  return { name, perSecond: (perMinute - burst) / 60, burst, beginsFull: true }
}

/**
 * $2 now, $3 a second, $4 burst, $5 wanted, $6 the least that is worth a turn. A clock that was set back waits a minute at
 * most.
 */
const TAKE = `
  with held as (
    select least(greatest(paid_until, $2::timestamptz - $4::float / $3 * interval '1 second'),
                 $2 + interval '1 minute') as since
      from pace where name = $1 for update
  ), full_to as (
    select since, least($5, floor(extract(epoch from $2 - since)::float * $3::float + 1e-6))::integer as tokens from held
  ), taken as (
    select since, case when tokens >= $6 then tokens else 0 end as count from full_to
  )
  update pace p
     set paid_until = since + count / $3 * interval '1 second', open_at = since + (count + $6) / $3 * interval '1 second'
    from taken where p.name = $1
  returning count, open_at as "openAt"`

const BEGIN = `
  insert into pace (name, paid_until, open_at) values ($1, $2, $2) on conflict do nothing`

/** What nobody has asked for in a day is as good as new. */
const FORGET = `delete from pace where paid_until < $1::timestamptz - interval '1 day'`

const GIVE_BACK = `
  update pace
     set paid_until = paid_until - $2::float * interval '1 second', open_at = open_at - $2::float * interval '1 second'
   where name = $1`

/** A minute at most, as with all that a clock which is set back might stretch; then whoever asks is told again. */
const CLOSE = `
  insert into pace as p (name, paid_until, open_at) values ($1, $2, $2)
  on conflict (name) do update
     set paid_until = greatest(p.paid_until, excluded.paid_until), open_at = greatest(p.open_at, excluded.open_at)`
const CLOSED_AT_MOST_MS = 60_000

/** The gateway takes nothing until then: no worker asks it before. */
export async function closePace(
  db: Database,
  { name }: Pick<Pace, 'name'>,
  { at, until }: { readonly at: number; readonly until: number },
): Promise<void> {
  await db.query(CLOSE, [name, new Date(Math.min(until, at + CLOSED_AT_MOST_MS))])
}

/** At most `wanted` from each of them. */
export async function takeSlice(
  db: Database,
  { paces, wanted, at }: { readonly paces: readonly Pace[]; readonly wanted: number; readonly at: number },
): Promise<Slice> {
  let count = wanted
  for (const [i, pace] of paces.entries()) {
    const granted = await takeFrom(db, pace, { wanted: count, at })
    const before = paces.slice(0, i)
    if (granted.count < count) await giveBack(db, before, count - granted.count)
    if (granted.count === 0) return { count: 0, refusedBy: pace.name, notBefore: granted.openAt }
    count = granted.count
  }
  return { count, refusedBy: undefined }
}

export async function giveBack(db: Database, paces: readonly Pace[], unused: number): Promise<void> {
  if (unused <= 0) return
  for (const { name, perSecond } of paces) await db.queryPlanned(GIVE_BACK, [name, unused / perSecond])
}

async function takeFrom(
  db: Database,
  pace: Pace,
  { wanted, at }: { readonly wanted: number; readonly at: number },
): Promise<{ readonly count: number; readonly openAt: number }> {
  const { name, perSecond, burst } = pace
  const least = Math.max(1, Math.min(wanted, Math.floor(perSecond * SLICE_SECONDS), burst))
  const take = () =>
    db.queryPlanned<{ count: number; openAt: string }>(TAKE, [
      name,
      new Date(at),
      perSecond,
      burst,
      wanted,
      least,
    ])
  let [taken] = await take()
  if (taken === undefined) {
    await begin(db, pace, at)
    ;[taken] = await take()
  }
  if (taken === undefined) return { count: 0, openAt: at }
  return { count: taken.count, openAt: Date.parse(taken.openAt) }
}

async function begin(db: Database, { name, perSecond, burst, beginsFull }: Pace, at: number): Promise<void> {
  const filledMs = beginsFull ? (burst / perSecond) * MS : 0
  await db.query(BEGIN, [name, new Date(at - filledMs)])
  await db.query(FORGET, [new Date(at)])
}
