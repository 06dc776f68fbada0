/** How old addresses may become, and what leaves the base; of each app, with defaults (R15, R27). */
import type { AddressPolicy, AddressPolicyChange } from '@roost/protocol'
import type { Queryable } from '../store/database.ts'

/** Google ends tokens after 270 days without a contact; for the others nobody says anything. */
const DEFAULT_POLICY: AddressPolicy = {
  dormantDays: 30,
  sendToDormant: true,
  removeInactive: false,
  inactiveDays: 90,
  fcmDeadDays: 270,
  otherDeadDays: 365,
  tombstoneDays: 90,
  eraseDays: null,
}

/** inactive_days is what the release before called the days of the dormant, so it can't have this name. */
const COLUMNS = `dormant_days as "dormantDays", send_to_dormant as "sendToDormant", remove_inactive as "removeInactive",
  inactive_after_days as "inactiveDays", fcm_dead_days as "fcmDeadDays", other_dead_days as "otherDeadDays",
  tombstone_days as "tombstoneDays", erase_days as "eraseDays"`

export async function readPolicy(db: Queryable, appId: number): Promise<AddressPolicy> {
  const { rows } = await db.query<{ [key in keyof AddressPolicy]: AddressPolicy[key] | null }>(
    `select ${COLUMNS} from address_policy where app_id = $1`,
    [appId],
  )
  return changedPolicy(DEFAULT_POLICY, rows[0] ?? {})
}

/** What a policy comes to with a change: what is not named stays, and null is the default again. */
export function changedPolicy(policy: AddressPolicy, change: AddressPolicyChange): AddressPolicy {
  const said = Object.entries(change).map(([name, value]) => [
    name,
    value ?? DEFAULT_POLICY[name as keyof AddressPolicy],
  ])
  return { ...policy, ...Object.fromEntries(said) }
}

/** What is not named stays; null is the default again. */
export async function changePolicy(
  db: Queryable,
  appId: number,
  change: AddressPolicyChange,
): Promise<AddressPolicy> {
  const value = (name: keyof AddressPolicy) => [Object.hasOwn(change, name), change[name] ?? null]
  await db.query(
    `insert into address_policy as p (app_id, dormant_days, send_to_dormant, remove_inactive, inactive_after_days,
                                   fcm_dead_days, other_dead_days, tombstone_days, erase_days)
     values ($1, $3, $5, $7, $9, $11, $13, $15, $17)
     on conflict (app_id) do update
        set dormant_days = case when $2 then $3::integer else p.dormant_days end,
            send_to_dormant = case when $4 then $5::boolean else p.send_to_dormant end,
            remove_inactive = case when $6 then $7::boolean else p.remove_inactive end,
            inactive_after_days = case when $8 then $9::integer else p.inactive_after_days end,
            fcm_dead_days = case when $10 then $11::integer else p.fcm_dead_days end,
            other_dead_days = case when $12 then $13::integer else p.other_dead_days end,
            tombstone_days = case when $14 then $15::integer else p.tombstone_days end,
            erase_days = case when $16 then $17::integer else p.erase_days end`,
    [
      appId,
      ...value('dormantDays'),
      ...value('sendToDormant'),
      ...value('removeInactive'),
      ...value('inactiveDays'),
      ...value('fcmDeadDays'),
      ...value('otherDeadDays'),
      ...value('tombstoneDays'),
      ...value('eraseDays'),
    ],
  )
  return readPolicy(db, appId)
}
