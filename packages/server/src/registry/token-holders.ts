/**
 * Whose token is this? For people who help others: somebody reads a token off a phone or a log, whole or its end, and wants
 * to know the device.
 */
import { type AddressView, type DeviceSummary, PROVIDERS } from '@roost/protocol'
import type { Queryable } from '../store/database.ts'
import { addressBucketOf, addressHash } from './buckets.ts'
import { STATE_OF_DEVICE } from './read.ts'

/** With the address that the token is; of a device that holds it no more, too. */
export type TokenHolder = DeviceSummary & { readonly address: AddressView }

export interface TokenQuery {
  readonly appId: number
  /** As its platform gave it, or the end of it. */
  readonly token: string
  readonly limit: number
}

/** Whoever asks for an end has it from a list or a log; what is longer is a whole token, and no table is searched for it. */
export const TOKEN_END_CHARACTERS_MAX = 32
/** Fewer are the end of too many tokens. */
export const TOKEN_END_CHARACTERS_MIN = 6

const HOLDER = `
  select d.hwid, d.platform, d.device_model as "deviceModel", d.user_id as "userId", coalesce(newest.state, 'none') as state, newest.reason,
         d.last_seen_at as "lastSeenAt",
         jsonb_build_object('kind', a.kind, 'provider', a.provider, 'environment', nullif(a.environment, ''),
           'state', a.state, 'reason', a.reason, 'generation', a.generation, 'addressEnd', right(a.address, 8)) as address,
         a.state_since as since`

const OF_ADDRESS = `
    join device d on d.bucket = a.bucket and d.app_id = a.app_id and d.hwid = a.hwid ${STATE_OF_DEVICE}`

const NEWEST_FIRST = `
   order by (a.state in ('active', 'suspect')) desc, a.state_since desc, d.hwid
   limit $2`

/** The holder and the one before. Uses the primary keys of address_directory, address and device. */
const BY_TOKEN = `${HOLDER}
    from unnest($3::smallint[], $4::bytea[]) as i (address_bucket, hash)
    join address_directory h on h.address_bucket = i.address_bucket and h.app_id = $1 and h.address_hash = i.hash
    join lateral (values (h.bucket, h.hwid), (h.previous_bucket, h.previous_hwid)) as k (bucket, hwid) on k.hwid <> ''
    join address a on a.bucket = k.bucket and a.app_id = $1 and a.hwid = k.hwid and a.address_hash = i.hash
    ${OF_ADDRESS} ${NEWEST_FIRST}`

/** Of what ends alike: tokens are random, so only those that somebody made up are so many. */
const ENDS_READ = 1000

/**
 * The index address_end tells which pages of the table may have one that ends like this: with ten million addresses some hundred of a
 * quarter of a million. It knows the last six characters, as they are stored.
 */
const BY_END = `${HOLDER}
    from (select * from address
           where (right(address, ${TOKEN_END_CHARACTERS_MIN}) collate "C" = right($3, ${TOKEN_END_CHARACTERS_MIN})
               or right(address, ${TOKEN_END_CHARACTERS_MIN}) collate "C" = lower(right($3, ${TOKEN_END_CHARACTERS_MIN})))
             and app_id = $1 and right(address, length($3)) = case when provider = 'apns' then lower($3) else $3 end
           limit ${ENDS_READ}) a ${OF_ADDRESS} ${NEWEST_FIRST}`

/** The hash of an activity's token takes the activity's name in. Uses the index address_activity. */
const OF_ACTIVITY = `${HOLDER}
    from address a ${OF_ADDRESS}
   where a.app_id = $1 and a.address = $3 and a.kind like 'liveactivity:%' ${NEWEST_FIRST}`

/** Of a whole token, by keys. Those that can be sent to first, then the newest. */
export async function findTokenHolders(
  db: Queryable,
  { appId, token, limit }: TokenQuery,
): Promise<TokenHolder[]> {
  const hashes = hashesOfToken(token)
  const holders = await read(db, BY_TOKEN, [appId, limit, hashes.map(addressBucketOf), hashes])
  if (holders.length > 0) return holders
  const apple = appleTokenOf(token)
  return apple === null ? [] : read(db, OF_ACTIVITY, [appId, limit, apple])
}

/** Of the last characters of a token, 6 to 32. Those that can be sent to first, then the newest. */
export async function findEndHolders(
  db: Queryable,
  { appId, token, limit }: TokenQuery,
): Promise<TokenHolder[]> {
  if (token.length < TOKEN_END_CHARACTERS_MIN || token.length > TOKEN_END_CHARACTERS_MAX) return []
  return read(db, BY_END, [appId, limit, token])
}

async function read(db: Queryable, sql: string, values: unknown[]): Promise<TokenHolder[]> {
  type Row = Omit<TokenHolder, 'address'> & {
    readonly address: Omit<AddressView, 'since'>
    readonly since: string
  }
  const { rows } = await db.query<Row>(sql, values)
  return rows.map(({ since, ...row }) => ({ ...row, address: { ...row.address, since } }))
}

/** Of Apple's, those that an app has one of; each activity has its own, which a token does not tell. */
const APPLE_KINDS = ['alert', 'voip', 'liveactivity-start']

/** A token does not say whose it is, so it is looked for with each gateway (R7: Apple's in lower-case hex). */
export function hashesOfToken(token: string): Buffer[] {
  const apple = appleTokenOf(token)
  return PROVIDERS.flatMap(provider => {
    if (provider !== 'apns')
      return [addressHash({ provider, environment: '', kind: 'alert', address: token })]
    if (apple === null) return []
    return ['production', 'sandbox'].flatMap(environment =>
      APPLE_KINDS.map(kind => addressHash({ provider, environment, kind, address: apple })),
    )
  })
}

/** null: it can be none of Apple's. */
function appleTokenOf(token: string): string | null {
  const hex = token.replace(/[<>\s]/g, '').toLowerCase()
  return /^[0-9a-f]+$/.test(hex) ? hex : null
}
