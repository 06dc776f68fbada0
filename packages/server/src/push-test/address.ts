/** The address of a test: one that is given, or that of a device of the app at the credential's gateway. */
import { parseSubscription } from '@roost/gateways'
import { type Environment, type Provider, PushError, type TestAddress } from '@roost/protocol'
import type { AddressKeys } from '../registry/address.ts'
import { bucketOf } from '../registry/buckets.ts'
import type { Queryable } from '../store/database.ts'

export interface TestedAddress {
  /** As the gateway's client takes it. */
  readonly value: { readonly token: string } | ({ readonly endpoint: string } & AddressKeys)
  /** The token or the endpoint. */
  readonly text: string
  readonly environment: Environment | undefined
  readonly kind: 'alert' | 'voip' | 'liveactivity'
  /** By who asks, who may then see it whole. */
  readonly isGiven: boolean
}

export type GivenAddress = Exclude<TestAddress, { readonly hwid: string }>

/** Throws `input_invalid` and `address_malformed`. */
export function readGivenAddress(given: GivenAddress, gateway: Provider): TestedAddress {
  const { provider, token, subscription, environment, kind = 'alert' } = given
  if (provider !== gateway)
    throw new PushError(
      'input_invalid',
      `address.provider is ${provider}, and the credential is for ${gateway}`,
    )
  const common = { environment, kind, isGiven: true }
  if (provider !== 'webpush') {
    if (token === undefined || subscription !== undefined)
      throw new PushError('input_invalid', `address: ${provider} takes a token, and no subscription`)
    const text = provider === 'apns' ? token.replace(/[<>\s]/g, '') : token.trim()
    return { ...common, value: { token: text }, text }
  }
  if (subscription === undefined || token !== undefined)
    throw new PushError('input_invalid', 'address: webpush takes a subscription, and no token')
  const parsed = parseSubscription(subscription)
  if (!parsed.ok)
    throw new PushError('address_malformed', `${parsed.problem.message} ${parsed.problem.remedy}`)
  return { ...common, value: parsed.value, text: parsed.value.endpoint }
}

interface AddressRow {
  readonly address: string
  readonly keys: AddressKeys | null
  readonly environment: string
  readonly kind: string
}

/** The one that is sent to; without any the last that ended, since a test is also for those. */
const ADDRESS_OF_DEVICE = `
  select address, keys, environment, kind from address
   where bucket = $1 and app_id = $2 and hwid = $3 and provider = $4
   order by (state in ('active', 'suspect')) desc, (kind = 'alert') desc, state_since desc limit 1`

/** Throws `device_unknown` when the device has no address at this gateway. */
export async function findAddress(
  db: Queryable,
  { appId, hwid, gateway }: { readonly appId: number; readonly hwid: string; readonly gateway: Provider },
): Promise<TestedAddress> {
  const { rows } = await db.query<AddressRow>(ADDRESS_OF_DEVICE, [bucketOf(hwid), appId, hwid, gateway])
  const row = rows[0]
  if (row === undefined)
    throw new PushError('device_unknown', `this app has no device "${hwid}" with an address at ${gateway}`)
  return {
    value: row.keys === null ? { token: row.address } : { endpoint: row.address, ...row.keys },
    text: row.address,
    environment: row.environment === '' ? undefined : (row.environment as Environment),
    kind: row.kind as TestedAddress['kind'],
    isGiven: false,
  }
}
