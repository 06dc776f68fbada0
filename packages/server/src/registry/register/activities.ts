/**
 * Apple's Live Activities: each one that runs has an address of its own, for its updates, and the app has one that
 * starts new ones. They end with the activity, which Apple tells the app and nobody else; a device that forgets to pass
 * it on holds a limited number, of which the oldest end.
 * Source: Apple, "Starting and updating Live Activities with ActivityKit push notifications".
 */
import { ACTIVITIES_PER_DEVICE, type Platform, PushError } from '@roost/protocol'
import type { App } from '../../access/apps.ts'
import type { Database, Queryable } from '../../store/database.ts'
import { type AddressKind, readAppleAddress } from '../address.ts'
import { bucketOf } from '../buckets.ts'
import type { RegistryContext } from './registration.ts'
import type { DeviceUpdate } from './update.ts'

export interface ActivityTarget {
  readonly app: App
  readonly update: DeviceUpdate
  /** null: the address that starts new ones. */
  readonly activityId: string | null
}

function kindOf(activityId: string | null): AddressKind {
  return activityId === null ? 'liveactivity-start' : `liveactivity:${activityId}`
}

const FIELDS = { start: 'activity_push_to_start_token', update: 'activity_token' } as const

/** Resolves after the commit. `field`: what the caller calls the token. Throws `address_malformed` and
 * `platform_unsupported`. Safe to repeat; another token replaces the one before (R2). */
export async function setActivityAddress(
  context: RegistryContext,
  {
    app,
    update,
    activityId,
    token,
    field,
  }: ActivityTarget & { readonly token: string; readonly field?: string },
): Promise<void> {
  const platform = update.platform ?? (await platformOf(context.db, update))
  if (platform !== null && platform !== 'ios' && platform !== 'macos')
    throw new PushError('platform_unsupported', `Live Activities are Apple's; this device is of ${platform}`)
  const gateway = update.record?.environment ?? (await environmentOf(context.db, update))
  const address = readAppleAddress({
    token,
    field: field ?? (activityId === null ? FIELDS.start : FIELDS.update),
    kind: kindOf(activityId),
    gateway,
  })
  await context.registrations.apply({ ...update, appId: app.id, platform: platform ?? 'ios', address })
  if (activityId !== null) await endOldest(context.db, update)
}

async function platformOf(db: Queryable, { appId, hwid }: DeviceUpdate): Promise<Platform | null> {
  const { rows } = await db.query<{ platform: Platform | null }>(
    'select platform from device where bucket = $1 and app_id = $2 and hwid = $3',
    [bucketOf(hwid), appId, hwid],
  )
  return rows[0]?.platform ?? null
}

/** These calls don't say the environment; the device said it with its alert token. */
async function environmentOf(db: Queryable, { appId, hwid }: DeviceUpdate): Promise<string | null> {
  const { rows } = await db.query<{ environment: string }>(
    `select environment from address
      where bucket = $1 and app_id = $2 and hwid = $3 and provider = 'apns' and kind = 'alert'
      order by (state in ('active', 'suspect')) desc, last_registered_at desc limit 1`,
    [bucketOf(hwid), appId, hwid],
  )
  return rows[0]?.environment ?? null
}

/** The activity is over, or the app wants no more of them started. Safe to repeat. */
export async function removeActivityAddress(
  context: RegistryContext,
  { app, update, activityId }: ActivityTarget,
): Promise<void> {
  await context.registrations.apply({ ...update, appId: app.id })
  await endActivities(context.db, update, {
    reason: 'activity_ended',
    kinds: KINDS.named,
    value: kindOf(activityId),
  })
}

async function endOldest(db: Database, update: DeviceUpdate): Promise<void> {
  await endActivities(db, update, {
    reason: 'too_many_activities',
    kinds: KINDS.oldest,
    value: ACTIVITIES_PER_DEVICE,
  })
}

/** Which of the device's addresses end, by $5. */
const KINDS = {
  named: 'kind = $5::text',
  oldest: `kind in (select kind from address k
                     where k.bucket = $1 and k.app_id = $2 and k.hwid = $3 and k.kind like 'liveactivity:%'
                       and k.state in ('active', 'suspect')
                     order by k.last_registered_at desc, k.kind offset $5::integer)`,
} as const

async function endActivities(
  db: Database,
  { appId, hwid, at }: DeviceUpdate,
  which: { readonly reason: string; readonly kinds: string; readonly value: string | number },
): Promise<void> {
  const key = [bucketOf(hwid), appId, hwid]
  await db.transaction(async tx => {
    // The order of lock-order.ts: the device row, then its addresses.
    await tx.query('select from device where bucket = $1 and app_id = $2 and hwid = $3 for update', key)
    await tx.query(
      `with ended as (
         update address set state = 'dead', reason = $6, generation = generation + 1, state_since = $4
          where bucket = $1 and app_id = $2 and hwid = $3 and state in ('active', 'suspect', 'quarantined')
            and ${which.kinds}
         returning *
       )
       insert into ledger (bucket, app_id, hwid, at, event, reason, provider, environment, kind, address_end, generation)
       select bucket, app_id, hwid, state_since, 'unregistered', reason, provider, environment, kind,
              right(address, 8), generation
         from ended`,
      [...key, new Date(at), which.value, which.reason],
    )
  })
}
