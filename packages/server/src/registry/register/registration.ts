/**
 * Registering a device with its tokens: the alert address and, of Apple's devices, the one for calls. Both APIs come
 * through here, so an address means the same whichever way it came.
 */
import { type Permission, PushError } from '@roost/protocol'
import type { App } from '../../access/apps.ts'
import { findVapidCredential } from '../../credentials/credentials.ts'
import type { Database } from '../../store/database.ts'
import {
  COMPAT_NAMES,
  type NewAddress,
  type ReadAddressOptions,
  readAddress,
  readAppleAddress,
  type TokenFields,
} from '../address.ts'
import { addressBucketOf, addressHash, bucketOf } from '../buckets.ts'
import { readTags } from '../tags/tags.ts'
import { isDenied } from './permission.ts'
import type { Registrations } from './register.ts'
import type { DeviceUpdate, UpdateResult } from './update.ts'

export interface RegistryContext extends ReadAddressOptions {
  readonly db: Database
  readonly registrations: Registrations
}

export interface DeviceRegistration {
  readonly app: App
  /** Who it is, and what it says of itself. */
  readonly update: DeviceUpdate
  readonly tokens: TokenFields & { readonly voip_push_token?: string | null | undefined }
  readonly tags: Readonly<Record<string, unknown>>
}

/**
 * Resolves after the commit. Throws `address_malformed`, and then nothing is stored but, of a device that is known, that it was so.
 * Safe to repeat.
 */
export async function registerDevice(
  context: RegistryContext,
  { app, update, tokens, tags: given }: DeviceRegistration,
): Promise<UpdateResult> {
  const { read, calls } = await readOrNote(context, { tokens, update })
  const credentialId = read?.provider === 'webpush' ? await credentialOf(context.db, app.id, read) : null
  const isTaken = read === null || (await isAddressTaken(context.db, app, update))
  const address = isTaken ? read : null
  const { tags, operations, skipped } = readTags(given)
  const result = await context.registrations.apply({
    ...update,
    address,
    credentialId,
    tags,
    tagOperations: operations,
    record: read === null ? update.record : { registrationError: null, ...update.record },
  })
  // Another address of the same call: a second statement can't touch the rows of the first one.
  if (calls !== null && !result.isStale)
    await context.registrations.apply({ ...update, permission: null, record: null, address: calls })
  return skipped.length === 0 ? result : { ...result, skipped: [...skipped, ...result.skipped] }
}

/** What a diagnosis goes by: a device whose token is refused each time looks else like one that never had any. */
const NOTE_REFUSED = `
  update device
     set record = record || jsonb_build_object('registrationError', jsonb_build_object('code', $4::text, 'message', $5::text, 'at', $6::text))
   where bucket = $1 and app_id = $2 and hwid = $3`

/** The code of the registration error that the server notes itself. */
export const TOKEN_MALFORMED = 'token_malformed'

async function readOrNote(
  context: RegistryContext,
  { tokens, update }: Pick<DeviceRegistration, 'tokens' | 'update'>,
): Promise<{ readonly read: NewAddress | null; readonly calls: NewAddress | null }> {
  try {
    return { read: readAddress(tokens, context), calls: readCallsAddress(tokens, update) }
  } catch (error) {
    if (!(error instanceof PushError) || error.code !== 'address_malformed') throw error
    const { appId, hwid, at } = update
    const told = [TOKEN_MALFORMED, error.message, new Date(at).toISOString()]
    await context.db.query(NOTE_REFUSED, [bucketOf(hwid), appId, hwid, ...told])
    throw error
  }
}

/**
 * An app may collect addresses of devices with permission only; one that says nothing of it now is as it was. Nearly all
 * apps take everybody's, and nearly all devices may show something: neither costs a query.
 */
async function isAddressTaken(db: Database, app: App, update: DeviceUpdate): Promise<boolean> {
  const isSilent = update.permission === null
  if (isSilent ? !app.needsPermission : !isDenied(update.permission)) return true
  const { rows } = await db.query<{ needed: boolean; permission: Permission | null }>(
    `select needs_permission as needed,
            (select permission from device where bucket = $2 and app_id = $1 and hwid = $3) as permission
       from app where id = $1`,
    [app.id, bucketOf(update.hwid), update.hwid],
  )
  const [known] = rows
  return known?.needed !== true || !isDenied(update.permission ?? known.permission)
}

function readCallsAddress(
  tokens: DeviceRegistration['tokens'],
  { platform }: DeviceUpdate,
): NewAddress | null {
  const token = tokens.voip_push_token?.trim() ?? ''
  if (token === '' || (platform !== 'ios' && platform !== 'macos')) return null
  const names = tokens.names ?? COMPAT_NAMES
  return readAppleAddress({
    token,
    field: names.voip_push_token,
    kind: 'voip',
    gateway: tokens.gateway,
    names,
  })
}

/** R28: a subscription goes with the key that it was made with. Who does not name it means the one that is known of it. */
async function credentialOf(db: Database, appId: number, address: NewAddress): Promise<string> {
  if (address.applicationServerKey === null) {
    const known = await knownCredentialOf(db, appId, address)
    if (known !== null) return known
  }
  const id = await findVapidCredential(db, { appId, publicKey: address.applicationServerKey })
  if (id === null)
    throw new PushError(
      'address_malformed',
      'application_server_key is none of this app: subscribe with the key that getConfig gives',
    )
  return id
}

/** Whichever device has it: a push service gives an endpoint to one subscription, and that has one key. */
async function knownCredentialOf(db: Database, appId: number, address: NewAddress): Promise<string | null> {
  const hash = addressHash(address)
  const { rows } = await db.query<{ id: string }>(
    `select c.id from address_directory h
       join address a on a.bucket = h.bucket and a.app_id = h.app_id and a.hwid = h.hwid
                     and a.address_hash = h.address_hash
       join credential c on c.id = a.credential_id
      where h.address_bucket = $1 and h.app_id = $2 and h.address_hash = $3`,
    [addressBucketOf(hash), appId, hash],
  )
  return rows[0]?.id ?? null
}
