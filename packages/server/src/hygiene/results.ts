/**
 * What gateways answered, applied to the base: the only place where a gateway's word changes an address.
 *
 * Every result carries the generation that the address had when it was read for sending, and the change is a
 * compare-and-set in one statement, so a late answer never touches what was registered meanwhile (R1c).
 *
 *   active ──mismatch, or a death too close to call──▶ suspect ──second death──▶ dead
 *   active, suspect ──death──▶ dead          suspect ──accepted──▶ active
 *
 * R1  A death with the gateway's own time T counts only if the address was registered before T. Within 5 s either
 *     way the two clocks can't be told apart: suspect first, dead at the next such answer.
 * R1b Without a time, T is when the request was sent, never when the answer came.
 * R17, R18 Credential, quota and server faults are no results at all here: they change no row.
 * R20 The same answer twice, or in any order, gives the same state: the first one moves the generation on.
 */
import type { Queryable } from '../store/database.ts'

/** How far apart two clocks of honest servers may be. */
const CLOCK_SKEW = "interval '5 seconds'"
/** `last_accepted_at` is for diagnosis by day; writing it at every send would double the writes of a campaign. */
const ACCEPTED_RESOLUTION = "interval '1 day'"

export interface AddressKey {
  readonly bucket: number
  readonly appId: number
  readonly hwid: string
  readonly hash: Buffer
  readonly generation: number
}

export type AddressResult = AddressKey & {
  readonly sentAt: number
  readonly reason: string
  readonly messageId: string
} & (
    | { readonly kind: 'accepted' }
    | { readonly kind: 'dead'; readonly since: number | null }
    | { readonly kind: 'mismatch' }
  )

/** Applies results in the caller's transaction and returns how many addresses changed their state. */
export async function applyResults(
  tx: Queryable,
  results: readonly AddressResult[],
  at: number,
): Promise<number> {
  const sorted = [...results].sort((a, b) => a.bucket - b.bucket || (a.hwid < b.hwid ? -1 : 1))
  const deaths = sorted.filter(it => it.kind === 'dead')
  const mismatches = sorted.filter(it => it.kind === 'mismatch')
  const accepted = sorted.filter(it => it.kind === 'accepted')
  let changed = 0
  if (deaths.length > 0) changed += await applyDeaths(tx, deaths, at)
  if (mismatches.length > 0) changed += await applyMismatches(tx, mismatches, at)
  if (accepted.length > 0) changed += await applyAccepted(tx, accepted, at)
  return changed
}

const JUDGE_DEATHS = `
  with result as (
    select * from unnest($1::smallint[], $2::integer[], $3::text[], $4::bytea[], $5::integer[], $6::timestamptz[],
                         $7::text[], $8::uuid[], $9::timestamptz[])
             as r (bucket, app_id, hwid, hash, generation, sent_at, reason, message_id, since)
  ), judged as (
    select a.bucket, a.app_id, a.hwid, a.address_hash, a.state, r.reason, r.since, r.sent_at, r.message_id,
           case
             when a.generation <> r.generation then
               case when a.state = 'active' and r.since >= a.last_registered_at then 'suspect' end
             when r.since is null then 'dead'
             when r.since > a.last_registered_at + ${CLOCK_SKEW} then 'dead'
             when r.since >= a.last_registered_at - ${CLOCK_SKEW} then
               case when a.state = 'suspect' and a.reason = r.reason and r.sent_at > a.last_registered_at then 'dead' else 'suspect' end
           end as verdict
      from result r
      join address a on a.bucket = r.bucket and a.app_id = r.app_id and a.hwid = r.hwid and a.address_hash = r.hash
     where a.state in ('active', 'suspect')
     order by a.bucket, a.app_id, a.hwid
       for update of a
  ), changed as (
    update address a
       set state = j.verdict, reason = j.reason, generation = a.generation + 1, state_since = $10
      from judged j
     where a.bucket = j.bucket and a.app_id = j.app_id and a.hwid = j.hwid and a.address_hash = j.address_hash
       and j.verdict is not null
    returning a.*, j.since, j.sent_at, j.message_id
  )
  insert into ledger (bucket, app_id, hwid, at, event, reason, provider, environment, kind, address_end, generation,
                      evidence)
  select bucket, app_id, hwid, $10, state, reason, provider, environment, kind, right(address, 8), generation,
         jsonb_strip_nulls(jsonb_build_object('messageId', message_id, 'sentAt', sent_at, 'since', since))
    from changed`

async function applyDeaths(tx: Queryable, deaths: readonly AddressResult[], at: number): Promise<number> {
  const since = deaths.map(it => (it.kind === 'dead' && it.since !== null ? new Date(it.since) : null))
  const result = await tx.query(JUDGE_DEATHS, [...columnsOf(deaths), since, new Date(at)])
  return result.rowCount
}

/** Wrong environment, topic or key: the address may be alive elsewhere, so it is doubted and never ended here. */
const DOUBT = `
  with changed as (
    update address a
       set state = 'suspect', reason = r.reason, generation = a.generation + 1, state_since = $9
      from unnest($1::smallint[], $2::integer[], $3::text[], $4::bytea[], $5::integer[], $6::timestamptz[],
                  $7::text[], $8::uuid[])
             as r (bucket, app_id, hwid, hash, generation, sent_at, reason, message_id)
     where a.bucket = r.bucket and a.app_id = r.app_id and a.hwid = r.hwid and a.address_hash = r.hash
       and a.generation = r.generation and a.state = 'active'
    returning a.*, r.sent_at, r.message_id
  )
  insert into ledger (bucket, app_id, hwid, at, event, reason, provider, environment, kind, address_end, generation,
                      evidence)
  select bucket, app_id, hwid, $9, 'suspect', reason, provider, environment, kind, right(address, 8), generation,
         jsonb_build_object('messageId', message_id, 'sentAt', sent_at)
    from changed`

async function applyMismatches(
  tx: Queryable,
  mismatches: readonly AddressResult[],
  at: number,
): Promise<number> {
  return (await tx.query(DOUBT, [...columnsOf(mismatches), new Date(at)])).rowCount
}

const CONFIRM = `
  with result as (
    select * from unnest($1::smallint[], $2::integer[], $3::text[], $4::bytea[], $5::integer[], $6::timestamptz[],
                         $7::text[], $8::uuid[])
             as r (bucket, app_id, hwid, hash, generation, sent_at, reason, message_id)
  ), before as (
    select a.bucket, a.app_id, a.hwid, a.address_hash, a.state
      from result r
      join address a on a.bucket = r.bucket and a.app_id = r.app_id and a.hwid = r.hwid
       and a.address_hash = r.hash and a.generation = r.generation
     where a.state = 'suspect'
        or (a.state = 'active' and coalesce(a.last_accepted_at, '-infinity') < r.sent_at - ${ACCEPTED_RESOLUTION})
     order by a.bucket, a.app_id, a.hwid
       for update of a
  ), changed as (
    update address a
       set last_accepted_at = $9,
           state = 'active',
           reason = null,
           generation = a.generation + (b.state = 'suspect')::integer,
           state_since = case when b.state = 'suspect' then $9 else a.state_since end
      from before b
     where a.bucket = b.bucket and a.app_id = b.app_id and a.hwid = b.hwid and a.address_hash = b.address_hash
    returning a.*, b.state as former_state
  )
  insert into ledger (bucket, app_id, hwid, at, event, reason, provider, environment, kind, address_end, generation)
  select bucket, app_id, hwid, $9, 'confirmed', 'accepted_by_gateway', provider, environment, kind, right(address, 8),
         generation
    from changed where former_state = 'suspect'`

async function applyAccepted(tx: Queryable, accepted: readonly AddressResult[], at: number): Promise<number> {
  return (await tx.query(CONFIRM, [...columnsOf(accepted), new Date(at)])).rowCount
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
