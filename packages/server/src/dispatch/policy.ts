/**
 * The rules of a message, asked of each delivery before it is sent: quiet hours, categories that a device has opted out of, and
 * caps. In this order, so that a delivery that waits takes no place of its cap.
 */
import type { Cap, QuietHours } from '@roost/protocol'
import { readAppRules } from '../messages/app-rules.ts'
import { DeviceClocks } from '../messages/when/zones.ts'
import type { Database, Queryable } from '../store/database.ts'
import { readCapped, takePlaces } from './caps.ts'
import type { Recipient } from './chunk.ts'
import type { Batch } from './lease.ts'
import { expiresAt, type Settlement } from './settle.ts'
import { HOUR_PASSED, hasPassed } from './slots.ts'

/** Of a message, as its app's rules stand when its batch is claimed. */
export interface Policy {
  readonly quietHours: QuietHours | null
  readonly category: string | null
  readonly cap: Cap | null
  /** Its deliveries take places of caps, its own or its app's. */
  readonly isCounted: boolean
}

export interface Judged {
  readonly sendTo: readonly Recipient[]
  readonly settlements: readonly Settlement[]
}

/** The tag by which a device opts out: a category, or a list of them. */
const OPT_OUT_TAG = 'optedOut'
export const QUIET_HOURS = 'quiet_hours'
const DAY_MS = 24 * 3_600_000
const clocks = new DeviceClocks()

export async function readPolicyOf(
  db: Queryable,
  { appId, rules }: Pick<Batch, 'appId' | 'rules'>,
): Promise<Policy> {
  const isMarketing = rules?.kind !== 'transactional'
  const app = isMarketing ? await readAppRules(db, appId) : { quietHours: null, cap: null }
  const { quietHours = app.quietHours, cap = app.cap, category = null } = rules ?? {}
  return { quietHours, category, cap, isCounted: isMarketing && (app.cap ?? cap) !== null }
}

interface Judging {
  readonly batch: Batch
  readonly policy: Policy
  readonly recipients: readonly Recipient[]
  readonly at: number
}

export async function judge(db: Database, judging: Judging): Promise<Judged> {
  const { policy, recipients, batch } = judging
  if (batch.slot !== null && hasPassed(batch.slot))
    return { sendTo: [], settlements: recipients.map(it => skipped(it, HOUR_PASSED)) }
  const settlements: Settlement[] = []
  let sendTo = recipients
  if (policy.quietHours !== null || policy.category !== null) {
    const told = await readTold(db, { appId: batch.appId, policy, devices: recipients })
    sendTo = recipients.filter(it => {
      const settlement = settlementOf(it, told.get(it.hwid), { ...judging, expiresAt: expiresAt(batch) })
      if (settlement !== undefined) settlements.push(settlement)
      return settlement === undefined
    })
  }
  if (!policy.isCounted || sendTo.length === 0) return { sendTo, settlements }
  const taken = await takePlaces(db, { ...judging, cap: policy.cap, devices: sendTo })
  const capped = sendTo.filter(it => !taken.has(it.hwid)).map(it => skipped(it, 'capped'))
  return { sendTo: sendTo.filter(it => taken.has(it.hwid)), settlements: [...settlements, ...capped] }
}

interface Foreseeing {
  readonly appId: number
  readonly rules: Batch['rules']
  readonly ttlSeconds: number
  /** `at`: when each would be sent to, ms. */
  readonly devices: readonly { readonly bucket: number; readonly hwid: string; readonly at: number }[]
}

export type Withheld = Extract<Settlement, { readonly kind: 'skipped' | 'deferred' }>

/**
 * What the rules of a message would do with devices if it were sent to them now: those that nothing keeps are left out. No place of a
 * cap is taken. By hwid.
 */
export async function foresee(db: Queryable, asked: Foreseeing): Promise<ReadonlyMap<string, Withheld>> {
  const { appId, ttlSeconds, devices } = asked
  const policy = await readPolicyOf(db, asked)
  const told = await readTold(db, { appId, policy, devices })
  const { cap, isCounted } = policy
  const capped = cap === null || !isCounted ? NOBODY : await readCapped(db, { appId, cap, devices })
  return new Map(
    devices.flatMap(({ at, ...device }) => {
      const over = expiresAt({ messageSendAt: new Date(at).toISOString(), ttlSeconds })
      const delivery = { ...device, attempt: 1 }
      const kept = settlementOf(delivery, told.get(device.hwid), { policy, at, expiresAt: over })
      const settlement = kept ?? (capped.has(device.hwid) ? skipped(delivery, 'capped') : undefined)
      return settlement === undefined ? [] : [[device.hwid, settlement] as const]
    }),
  )
}

const NOBODY: ReadonlySet<string> = new Set()

interface Told {
  readonly hwid: string
  readonly timezoneSeconds: number | null
  readonly timeZone: string | null
  readonly isOptedOut: boolean
}

/** A person who opts out on one device has opted out: the tag of any device of the same user counts. */
const TOLD = `
  select d.hwid, d.timezone_seconds as "timezoneSeconds", d.record ->> 'timeZone' as "timeZone",
         $4::text is not null and (coalesce(d.tags -> '${OPT_OUT_TAG}' ? $4, false)
           or d.user_id is not null and exists (
                select from device o
                 where o.app_id = $1 and o.user_id = d.user_id and o.tags -> '${OPT_OUT_TAG}' ? $4)) as "isOptedOut"
    from unnest($2::smallint[], $3::text[]) as i (bucket, hwid)
    join device d on d.bucket = i.bucket and d.app_id = $1 and d.hwid = i.hwid`

async function readTold(
  db: Queryable,
  {
    appId,
    policy,
    devices,
  }: {
    readonly appId: number
    readonly policy: Policy
    readonly devices: readonly { readonly bucket: number; readonly hwid: string }[]
  },
): Promise<ReadonlyMap<string, Told>> {
  const { rows } = await db.query<Told>(TOLD, [
    appId,
    devices.map(it => it.bucket),
    devices.map(it => it.hwid),
    policy.category,
  ])
  return new Map(rows.map(row => [row.hwid, row]))
}

/** Undefined when neither its category nor its hour keeps it. */
function settlementOf(
  recipient: Delivery,
  told: Told | undefined,
  {
    policy,
    at,
    expiresAt: over,
  }: { readonly policy: Policy; readonly at: number; readonly expiresAt: number },
): Withheld | undefined {
  if (told?.isOptedOut === true) return skipped(recipient, 'category_opted_out')
  if (policy.quietHours === null) return undefined
  const timezoneSeconds = told === undefined ? null : clocks.secondsAt(told, at)
  const dueAt = quietUntil(policy.quietHours, { at, timezoneSeconds })
  if (dueAt === undefined) return undefined
  if (policy.quietHours.action === 'drop') return skipped(recipient, QUIET_HOURS)
  if (dueAt > over) return skipped(recipient, 'quiet_hours_until_expiry')
  const { bucket, hwid, attempt } = recipient
  return { kind: 'deferred', bucket, hwid, attempt, dueAt, reason: QUIET_HOURS }
}

type Delivery = Pick<Recipient, 'bucket' | 'hwid' | 'attempt'>

function skipped({ bucket, hwid, attempt }: Delivery, reason: string): Withheld {
  return { kind: 'skipped', bucket, hwid, attempt, reason }
}

/** When the quiet hours that a device is in are over; undefined when it is in none. */
export function quietUntil(
  { from, to, otherwiseTimezoneSeconds = 0 }: QuietHours,
  { at, timezoneSeconds }: { readonly at: number; readonly timezoneSeconds: number | null },
): number | undefined {
  const zone = timezoneSeconds ?? otherwiseTimezoneSeconds
  const sinceMidnightMs = modulo(at + zone * 1000, DAY_MS)
  const lengthMs = modulo(msOf(to) - msOf(from), DAY_MS)
  const insideMs = modulo(sinceMidnightMs - msOf(from), DAY_MS)
  return insideMs < lengthMs ? at + lengthMs - insideMs : undefined
}

function modulo(value: number, by: number): number {
  return ((value % by) + by) % by
}

function msOf(time: string): number {
  const [hours = 0, minutes = 0] = time.split(':').map(Number)
  return (hours * 60 + minutes) * 60_000
}
