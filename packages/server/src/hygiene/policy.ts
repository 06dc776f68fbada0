/** How old addresses may become; of each app, with defaults (R15, R27). */
import type { AddressPolicy, AddressPolicyChange } from '@roost/protocol'
import type { Queryable } from '../store/database.ts'

/** Google ends tokens after 270 days without a contact; for the others nobody says anything. */
const DEFAULT_POLICY: AddressPolicy = {
  inactiveDays: 30,
  fcmDeadDays: 270,
  otherDeadDays: 365,
  tombstoneDays: 90,
  sendToInactive: true,
}

const COLUMNS = `inactive_days as "inactiveDays", fcm_dead_days as "fcmDeadDays", other_dead_days as "otherDeadDays",
  tombstone_days as "tombstoneDays", send_to_inactive as "sendToInactive"`

export async function readPolicy(db: Queryable, appId: number): Promise<AddressPolicy> {
  const { rows } = await db.query<{ [key in keyof AddressPolicy]: AddressPolicy[key] | null }>(
    `select ${COLUMNS} from address_policy where app_id = $1`,
    [appId],
  )
  const said = Object.entries(rows[0] ?? {}).filter(([, value]) => value !== null)
  return { ...DEFAULT_POLICY, ...Object.fromEntries(said) }
}

/** What is not named stays; null is the default again. */
export async function changePolicy(
  db: Queryable,
  appId: number,
  change: AddressPolicyChange,
): Promise<AddressPolicy> {
  const value = (name: keyof AddressPolicy) => [Object.hasOwn(change, name), change[name] ?? null]
  await db.query(
    `insert into address_policy as p (app_id, inactive_days, fcm_dead_days, other_dead_days, tombstone_days,
                                   send_to_inactive)
     values ($1, $3, $5, $7, $9, $11)
     on conflict (app_id) do update
        set inactive_days = case when $2 then $3::integer else p.inactive_days end,
            fcm_dead_days = case when $4 then $5::integer else p.fcm_dead_days end,
            other_dead_days = case when $6 then $7::integer else p.other_dead_days end,
            tombstone_days = case when $8 then $9::integer else p.tombstone_days end,
            send_to_inactive = case when $10 then $11::boolean else p.send_to_inactive end`,
    [
      appId,
      ...value('inactiveDays'),
      ...value('fcmDeadDays'),
      ...value('otherDeadDays'),
      ...value('tombstoneDays'),
      ...value('sendToInactive'),
    ],
  )
  return readPolicy(db, appId)
}
