/**
 * What gateways answered, applied to the base: the only place where a gateway's word changes an address.
 *
 * Every result carries the generation that the address had when it was read for sending, and the change is a
 * compare-and-set in one statement, so a late answer never touches what was registered meanwhile (R1c).
 *
 *   active ──doubt, or a death too close to call──▶ suspect ──second death, or doubted on a third day──▶ dead
 *   active, suspect ──death──▶ dead          suspect ──accepted──▶ active
 *   active, suspect ──mismatch──▶ quarantined
 *   active, suspect ──accepted in the other environment──▶ superseded, and the corrected address is active
 *
 * R1  A death with the gateway's own time T counts only if the address was registered before T. Within 5 s either
 *     way the two clocks can't be told apart: suspect first, dead at the next such answer.
 * R1d A death from before the registration that comes again three times in a day or more: quarantined.
 * R1b Without a time, T is when the request was sent, never when the answer came.
 * R17, R18 Credential, quota and server faults are no results at all here: they change no row.
 * R20 The same answer twice, or in any order, gives the same state: the first one moves the generation on.
 */
import { addressBucketOf, addressHash } from '../registry/buckets.ts'
import { addressOrder, byDeviceKey, byDirectoryKey } from '../registry/lock-order.ts'
import { bytesArray, plainArray, textArray } from '../store/array-literals.ts'
import type { Database, PlannedStatement, Queryable } from '../store/database.ts'
import { guardDeaths, type HeldBy } from './guard.ts'
import { mismatchKind } from './mismatches.ts'

/**
 * How much a mismatch may do. `little`: hardly any address of this credential is accepted, so the credential may be the
 * wrong one and nothing is quarantined or ended.
 */
export type Trust = 'full' | 'little'

/** How far apart two clocks of honest servers may be. */
const CLOCK_SKEW = "interval '5 seconds'"
/** R1d: a 410 from before the registration that comes so often, over so long, is believed: quarantined. */
const OLD_DEATHS = 3
const OLD_DEATHS_WITHIN = "interval '24 hours'"
/** R12: doubted on so many days in a row of answers an address is dead. */
const DOUBT_DAYS = 3
export interface AddressKey {
  readonly bucket: number
  readonly appId: number
  readonly hwid: string
  readonly hash: Buffer
  readonly generation: number
}

/** Which credential an answer was got with, and the part of it (see `credential_pause`). */
export interface Via {
  readonly credentialId: string
  readonly part: string
}

export type AddressResult = AddressKey & {
  readonly sentAt: number
  readonly reason: string
  readonly messageId: string
  /** What the mass-failure guard counts it by (R16); without it, it is not guarded. */
  readonly via?: Via
} & (
    | { readonly kind: 'accepted' }
    | { readonly kind: 'dead'; readonly since: number | null }
    | { readonly kind: 'mismatch'; readonly trust: Trust }
    | {
        readonly kind: 'corrected'
        /** Where it was accepted. */
        readonly environment: string
        readonly address: {
          readonly provider: string
          readonly address: string
          readonly addressKind?: string | undefined
        }
      }
  )

export interface Applied {
  /** Addresses that changed their state. */
  readonly changed: number
  /** Deaths that the mass-failure guard holds (R16): they ended no address. */
  readonly heldDeaths: number
}

/** Acceptances of addresses that nothing was said against: they are counted, and change no row. */
export interface PlainAcceptances {
  readonly appId: number
  readonly plain: ReadonlyMap<Via, number>
}

/** Applies results in the caller's transaction. */
export async function applyResults(
  tx: Queryable,
  results: readonly AddressResult[],
  at: number,
  others?: PlainAcceptances,
): Promise<Applied> {
  const deaths = results.filter(it => it.kind === 'dead')
  const accepted = results.filter(it => it.kind === 'accepted')
  const corrected = results.flatMap(it => (it.kind === 'corrected' ? [it] : []))
  const heldBy = await guardDeaths(tx, { results, others, at })
  const { taken, lost } = await takeCorrected(tx, corrected)
  const mismatches = [...results.filter(it => it.kind === 'mismatch'), ...lost]
  const isOneStatement =
    taken.length === 0 && [deaths, mismatches, accepted].filter(it => it.length > 0).length <= 1
  if (!isOneStatement) await lockAddresses(tx, { accepted, taken, others: [...deaths, ...mismatches] })
  let changed = 0
  if (taken.length > 0) changed += await applyCorrections(tx, taken, at)
  if (deaths.length > 0) changed += await applyDeaths(tx, { deaths, heldBy, at })
  if (mismatches.length > 0) changed += await applyMismatches(tx, mismatches, at)
  if (accepted.length > 0) changed += await applyAccepted(tx, accepted, at)
  return { changed, heldDeaths: deaths.filter(it => heldBy(it) !== undefined).length }
}

/**
 * R12 asks whether a token was accepted before, in its environment, so the first acceptance is written down where there are
 * environments. `last_accepted_at` is not kept up to date beyond that: a row of each device for each campaign is what its
 * acceptances (dispatch/acceptances.ts) spare.
 */
const IS_FIRST = `(a.state = 'active' and a.environment <> '' and a.last_accepted_at is null)`

/** An acceptance that tells nothing new changes no row. */
const IS_NEWS = `(a.generation = r.generation and (a.state = 'suspect' or ${IS_FIRST}
        or (a.state = 'active' and (a.old_deaths > 0 or a.doubts > 0))))`

const LOCK_ADDRESSES = `
  select from unnest($1::smallint[], $2::integer[], $3::text[], $4::bytea[], $5::integer[])
                as r (bucket, app_id, hwid, hash, generation)
    join address a on a.bucket = r.bucket and a.app_id = r.app_id and a.hwid = r.hwid and a.address_hash = r.hash
   where r.generation is null or ${IS_NEWS}
   order by ${addressOrder('a')}
     for update of a`

/** What one statement changes, it locks in order itself; for several of them all is locked before the first one. */
async function lockAddresses(
  tx: Queryable,
  locking: {
    readonly accepted: readonly AddressResult[]
    readonly taken: readonly Taken[]
    readonly others: readonly AddressResult[]
  },
): Promise<void> {
  const { accepted, taken, others } = locking
  const corrected = taken.flatMap(it => [it, { ...it, hash: it.newHash }])
  const always = [...others, ...corrected]
  if (always.length === 0) return
  const all = [...always, ...accepted]
  const [bucket, appId, hwid, hash] = columnsOf(all)
  const generations = all.map((it, i) => (i < always.length ? null : it.generation))
  await tx.query(LOCK_ADDRESSES, [bucket, appId, hwid, hash, generations])
}

const JUDGE_DEATHS = `
  with result as (
    select * from unnest($1::smallint[], $2::integer[], $3::text[], $4::bytea[], $5::integer[], $6::timestamptz[],
                         $7::text[], $8::uuid[], $9::timestamptz[], $10::uuid[])
             as r (bucket, app_id, hwid, hash, generation, sent_at, reason, message_id, since, held_by)
  ), heard as (
    select a.bucket, a.app_id, a.hwid, a.address_hash, a.state, r.reason, r.since, r.sent_at, r.message_id, r.held_by,
           case
             when a.generation <> r.generation then
               case when a.state = 'active' and r.since >= a.last_registered_at then 'suspect' end
             when r.since is null then 'dead'
             when r.since > a.last_registered_at + ${CLOCK_SKEW} then 'dead'
             when r.since >= a.last_registered_at - ${CLOCK_SKEW} then
               case when a.state = 'suspect' and a.reason = r.reason and r.sent_at > a.last_registered_at then 'dead' else 'suspect' end
           end as verdict,
           a.generation = r.generation and r.since < a.last_registered_at - ${CLOCK_SKEW}
             and r.sent_at > coalesce(a.old_deaths_until, '-infinity') as is_old,
           case when a.held_generation = a.generation then a.held_by end as held_before,
           case when a.old_death_at = r.since then a.old_deaths + 1 else 1 end as old_deaths,
           case when a.old_death_at = r.since then a.old_deaths_from else r.sent_at end as old_deaths_from
      from result r
      join address a on a.bucket = r.bucket and a.app_id = r.app_id and a.hwid = r.hwid and a.address_hash = r.hash
     where a.state in ('active', 'suspect')
     order by ${addressOrder('a')}
       for update of a
  ), judged as (
    select bucket, app_id, hwid, address_hash, reason, since, sent_at, message_id, is_old, old_deaths, old_deaths_from,
           case when verdict = 'dead' then held_by end as held_by,
           case when verdict = 'dead' and held_by is not null
                then case when state = 'active' or held_before is distinct from held_by then 'suspect' end
                when is_old and old_deaths >= ${OLD_DEATHS} and sent_at >= old_deaths_from + ${OLD_DEATHS_WITHIN}
                then 'quarantined'
                else verdict end as verdict
      from heard
  ), counted as (
    update address a
       set old_death_at = j.since, old_deaths = j.old_deaths, old_deaths_from = j.old_deaths_from,
           old_deaths_until = j.sent_at
      from judged j
     where a.bucket = j.bucket and a.app_id = j.app_id and a.hwid = j.hwid and a.address_hash = j.address_hash
       and j.is_old and j.verdict is null
  ), changed as (
    update address a
       set state = j.verdict, reason = j.reason, generation = a.generation + 1, state_since = $11,
           old_deaths = 0, old_death_at = null, held_by = j.held_by, held_generation = case when j.held_by is not null then a.generation + 1 end
      from judged j
     where a.bucket = j.bucket and a.app_id = j.app_id and a.hwid = j.hwid and a.address_hash = j.address_hash
       and j.verdict is not null
    returning a.*, j.since, j.sent_at, j.message_id
  )
  insert into ledger (bucket, app_id, hwid, at, event, reason, provider, environment, kind, address_end, generation,
                      evidence)
  select bucket, app_id, hwid, $11, state, reason, provider, environment, kind, right(address, 8), generation,
         jsonb_strip_nulls(jsonb_build_object('messageId', message_id, 'sentAt', sent_at, 'since', since,
                                              'heldBy', held_by))
    from changed`

interface Deaths {
  readonly deaths: readonly AddressResult[]
  readonly heldBy: HeldBy
  readonly at: number
}

async function applyDeaths(tx: Queryable, { deaths, heldBy, at }: Deaths): Promise<number> {
  const since = deaths.map(it => (it.kind === 'dead' && it.since !== null ? new Date(it.since) : null))
  const held = deaths.map(it => heldBy(it) ?? null)
  return (await tx.query(JUDGE_DEATHS, [...columnsOf(deaths), since, held, new Date(at)])).rowCount
}

/**
 * A doubt counts once a day, so that a bad hour of the gateway is one doubt. `quarantined` waits for a registration.
 * `wish`: what a mismatch of this kind asks for.
 */
const JUDGE_MISMATCHES = `
  with result as (
    select * from unnest($1::smallint[], $2::integer[], $3::text[], $4::bytea[], $5::integer[], $6::timestamptz[],
                         $7::text[], $8::uuid[], $9::text[])
             as r (bucket, app_id, hwid, hash, generation, sent_at, reason, message_id, wish)
  ), judged as (
    select a.bucket, a.app_id, a.hwid, a.address_hash, r.reason, r.sent_at, r.message_id,
           case when r.wish = 'environment' then
                  case when a.last_accepted_at is null then 'quarantined'
                       when day.is_new and a.doubts >= ${DOUBT_DAYS - 1} then 'dead'
                       when day.is_new then 'suspect' end
                when r.wish = 'elsewhere' then 'quarantined'
                when a.state = 'active' then 'suspect' end as verdict,
           case when r.wish = 'environment' and day.is_new then a.doubts + 1 else a.doubts end as doubts
      from result r
      join address a on a.bucket = r.bucket and a.app_id = r.app_id and a.hwid = r.hwid and a.address_hash = r.hash
     cross join lateral (
       select a.doubted_at is null
           or (a.doubted_at at time zone 'utc')::date < ($10::timestamptz at time zone 'utc')::date as is_new) day
     where a.generation = r.generation and a.state in ('active', 'suspect')
     order by ${addressOrder('a')}
       for update of a
  ), changed as (
    update address a
       set state = j.verdict, reason = j.reason, generation = a.generation + 1,
           state_since = case when a.state = j.verdict then a.state_since else $10 end,
           doubts = j.doubts, doubted_at = $10
      from judged j
     where a.bucket = j.bucket and a.app_id = j.app_id and a.hwid = j.hwid and a.address_hash = j.address_hash
       and j.verdict is not null
    returning a.*, j.sent_at, j.message_id
  )
  insert into ledger (bucket, app_id, hwid, at, event, reason, provider, environment, kind, address_end, generation,
                      evidence)
  select bucket, app_id, hwid, $10, state, reason, provider, environment, kind, right(address, 8), generation,
         jsonb_build_object('messageId', message_id, 'sentAt', sent_at)
    from changed`

async function applyMismatches(
  tx: Queryable,
  mismatches: readonly AddressResult[],
  at: number,
): Promise<number> {
  const wishes = mismatches.map(it =>
    it.kind === 'mismatch' && it.trust === 'full' ? mismatchKind(it.reason) : 'doubt',
  )
  return (await tx.query(JUDGE_MISMATCHES, [...columnsOf(mismatches), wishes, new Date(at)])).rowCount
}

type Correction = Extract<AddressResult, { kind: 'corrected' }>

/** Only what nobody holds, or the device itself: an address that another device has registered there stays with it. */
const TAKE_CORRECTED = `
  insert into address_directory as held (address_bucket, app_id, address_hash, bucket, hwid)
  select * from unnest($1::smallint[], $2::integer[], $3::bytea[], $4::smallint[], $5::text[])
  on conflict (address_bucket, app_id, address_hash) do update set hwid = excluded.hwid
   where held.bucket = excluded.bucket and held.hwid = excluded.hwid
  returning address_hash as hash`

/**
 * R12: the environment is part of an address's identity (R9), so the corrected address is another row. It is as old as
 * the one that it replaces: what was heard of that one is heard of the same token.
 */
const CORRECT = `
  with result as (
    select * from unnest($1::smallint[], $2::integer[], $3::text[], $4::bytea[], $5::integer[], $6::timestamptz[],
                         $7::text[], $8::uuid[], $9::bytea[], $10::text[])
             as r (bucket, app_id, hwid, hash, generation, sent_at, reason, message_id, new_hash, new_environment)
  ), ended as (
    update address a
       set state = 'superseded', reason = 'environment_corrected', generation = a.generation + 1, state_since = $11
      from result r
     where a.bucket = r.bucket and a.app_id = r.app_id and a.hwid = r.hwid and a.address_hash = r.hash
       and a.generation = r.generation and a.state in ('active', 'suspect')
    returning a.*, r.new_hash, r.new_environment, r.sent_at, r.message_id
  ), begun as (
    insert into address as n (bucket, app_id, hwid, kind, address_hash, provider, environment, address, keys,
                              credential_id, state, first_registered_at, last_registered_at, state_since,
                              last_accepted_at, opted_out, ages_from)
    select bucket, app_id, hwid, kind, new_hash, provider, new_environment, address, keys, credential_id, 'active',
           first_registered_at, last_registered_at, $11, $11, opted_out, ages_from
      from ended
    on conflict (bucket, app_id, hwid, address_hash) do update
       set state = 'active', reason = null, generation = n.generation + 1, doubts = 0, doubted_at = null,
           last_registered_at = greatest(n.last_registered_at, excluded.last_registered_at),
           state_since = excluded.state_since, last_accepted_at = excluded.last_accepted_at,
           opted_out = excluded.opted_out, ages_from = greatest(n.ages_from, excluded.ages_from)
    returning n.*
  ), told as (
    select 1 as place, e.bucket, e.app_id, e.hwid, 'superseded' as event, e.provider, e.environment, e.kind, e.address,
           e.generation, e.environment as "from", e.new_environment as "to", e.message_id, e.sent_at
      from ended e
    union all
    select 2, b.bucket, b.app_id, b.hwid, 'environment_corrected', b.provider, b.environment, b.kind, b.address,
           b.generation, e.environment, e.new_environment, e.message_id, e.sent_at
      from begun b
      join ended e on e.bucket = b.bucket and e.app_id = b.app_id and e.hwid = b.hwid and e.new_hash = b.address_hash
  )
  insert into ledger (bucket, app_id, hwid, at, event, reason, provider, environment, kind, address_end, generation,
                      evidence)
  select bucket, app_id, hwid, $11, event, 'environment_corrected', provider, environment, kind, right(address, 8),
         generation,
         jsonb_build_object('from', "from", 'to', "to", 'messageId', message_id, 'sentAt', sent_at)
    from told order by place`

type Taken = Correction & { readonly newHash: Buffer }

/** Makes the devices holders of the corrected addresses; `lost`: what another device holds there. */
async function takeCorrected(
  tx: Queryable,
  corrections: readonly Correction[],
): Promise<{ readonly taken: readonly Taken[]; readonly lost: readonly AddressResult[] }> {
  if (corrections.length === 0) return { taken: [], lost: [] }
  const wanted = corrections
    .map(it => ({ it, appId: it.appId, hash: correctedHash(it) }))
    .map(it => ({ ...it, addressBucket: addressBucketOf(it.hash) }))
    .sort(byDirectoryKey)
    .map(({ it, hash, addressBucket }) => ({ ...it, newHash: hash, addressBucket }))
  const { rows } = await tx.query<{ hash: Buffer }>(TAKE_CORRECTED, [
    wanted.map(it => it.addressBucket),
    wanted.map(it => it.appId),
    wanted.map(it => it.newHash),
    wanted.map(it => it.bucket),
    wanted.map(it => it.hwid),
  ])
  const free = new Set(rows.map(row => row.hash.toString('hex')))
  const taken = wanted.filter(it => free.has(it.newHash.toString('hex')))
  const lost = wanted.filter(it => !free.has(it.newHash.toString('hex')))
  return { taken, lost: lost.map(lostResult) }
}

async function applyCorrections(tx: Queryable, taken: readonly Taken[], at: number): Promise<number> {
  const more = [taken.map(it => it.newHash), taken.map(it => it.environment), new Date(at)]
  return (await tx.query(CORRECT, [...columnsOf(taken), ...more])).rowCount
}

function correctedHash({ address, environment }: Correction): Buffer {
  return addressHash({ ...address, environment, kind: address.addressKind ?? 'alert' })
}

/** Another device holds the address in the environment in which it works. */
function lostResult(correction: Correction): AddressResult {
  return { ...correction, kind: 'mismatch', trust: 'full', reason: 'BadDeviceToken' }
}

const CONFIRM = `
  with result as (
    select * from unnest($1::smallint[], $2::integer[], $3::text[], $4::bytea[], $5::integer[])
             as r (bucket, app_id, hwid, hash, generation)
  ), before as (
    select a.ctid as place, a.state
      from result r
      join address a on a.bucket = r.bucket and a.app_id = r.app_id and a.hwid = r.hwid
       and a.address_hash = r.hash
     where ${IS_NEWS}
     order by ${addressOrder('a')}
       for update of a
  ), changed as (
    update address a
       set last_accepted_at = $6,
           state = 'active',
           reason = null,
           doubts = 0, doubted_at = null, old_deaths = 0, old_death_at = null,
           generation = a.generation + (b.state = 'suspect')::integer,
           state_since = case when b.state = 'suspect' then $6 else a.state_since end
      from before b
     where a.ctid = b.place -- locked, so it stays there
    returning a.bucket, a.app_id, a.hwid, a.provider, a.environment, a.kind, a.address, a.generation,
              b.state as former_state
  )
  insert into ledger (bucket, app_id, hwid, at, event, reason, provider, environment, kind, address_end, generation)
  select bucket, app_id, hwid, $6, 'confirmed', 'accepted_by_gateway', provider, environment, kind, right(address, 8),
         generation
    from changed where former_state = 'suspect'`

async function applyAccepted(tx: Queryable, accepted: readonly AddressResult[], at: number): Promise<number> {
  return (await tx.query(CONFIRM, [...keysOf(accepted), new Date(at)])).rowCount
}

/**
 * Planned once, by key, and its keys come in the order of their locks. It looks at each row once, where locking first would
 * cost as much again.
 */
const NOTE_FIRST: PlannedStatement = {
  name: 'note_first_acceptances',
  text: `
    update address a set last_accepted_at = $6
      from unnest($1::smallint[], $2::integer[], $3::text[], $4::bytea[], $5::integer[])
             as r (bucket, app_id, hwid, hash, generation)
     where a.bucket = r.bucket and a.app_id = r.app_id and a.hwid = r.hwid and a.address_hash = r.hash
       and a.generation = r.generation and ${IS_FIRST}`,
}

/**
 * First acceptances of addresses with nothing against them, in a transaction of their own: a chunk of a new base would hold
 * 500 of them locked, beside its deaths. What a crash loses is noted by the next acceptance.
 */
export async function noteFirstAcceptances(
  db: Database,
  accepted: readonly AddressKey[],
  at: number,
): Promise<void> {
  if (accepted.length === 0) return
  const inOrder = accepted.toSorted((a, b) => byDeviceKey(a, b) || a.hash.compare(b.hash))
  await db.once(NOTE_FIRST, [...keysOf(inOrder), new Date(at)])
}

function keysOf(keys: readonly AddressKey[]): string[] {
  return [
    plainArray(keys, it => it.bucket),
    plainArray(keys, it => it.appId),
    textArray(keys, it => it.hwid),
    bytesArray(keys, it => it.hash),
    plainArray(keys, it => it.generation),
  ]
}

function columnsOf(results: readonly AddressResult[]): unknown[] {
  return [
    results.map(it => it.bucket),
    results.map(it => it.appId),
    results.map(it => it.hwid),
    results.map(it => it.hash),
    results.map(it => it.generation),
    results.map(it => new Date(it.sentAt)),
    results.map(it => it.reason),
    results.map(it => it.messageId),
  ]
}
