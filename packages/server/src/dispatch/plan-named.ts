/**
 * Planning of those who are named, devices or users: each becomes a delivery at once, and is told at once where it can't be reached.
 */
import { goesLive } from '../live/routed.ts'
import { bestHourSql } from '../messages/when/best-hour.ts'
import { PASSED_SLOT, slotOfDevice, type ToldSlot } from '../messages/when/slots.ts'
import { BUCKETS, bucketOf } from '../registry/buckets.ts'
import type { Queryable, Transaction } from '../store/database.ts'
import type { MessageAddressKind } from './chunk.ts'
import type { DueMessage, Planned } from './plan.ts'
import { PROVIDER_OF_PLATFORM } from './plan-connected.ts'
import { HOUR_PASSED } from './slots.ts'

interface Named {
  readonly name: string
  /** Of the device's address; null when it has none that is sent to. */
  readonly provider: string | null
  readonly isUnknown: boolean
  /** Of its platform. */
  readonly platformProvider: string
  /** R26: it has one, but may show nothing. */
  readonly isOptedOut: boolean
  readonly told: ToldSlot
}

/** SQL over `device d`: a `ToldSlot`. `until`, SQL of a time: until when opens count; null where no best hours are asked for. */
export function toldColumn(until: string): string {
  return `json_build_object('timeZone', d.record ->> 'timeZone', 'timezoneSeconds', d.timezone_seconds, 'hour',
    case when ${until} is not null then ${bestHourSql(until)} end)`
}

const NAMED_COLUMNS = `${toldColumn('$3::timestamptz')} as told,
         case when not a.opted_out then a.provider end as provider, d.hwid is null as "isUnknown",
         ${PROVIDER_OF_PLATFORM} as "platformProvider",
         coalesce(a.opted_out, false) as "isOptedOut"`

const sendableAddress = (kind: MessageAddressKind) => `left join address a
    on a.bucket = d.bucket and a.app_id = d.app_id and a.hwid = d.hwid and a.kind = '${kind}' and a.state in ('active', 'suspect')`
export const SENDABLE_ADDRESS = sendableAddress('alert')

const namedDevices = (kind: MessageAddressKind) => `
  select i.hwid as name, ${NAMED_COLUMNS}
    from unnest($4::smallint[], $2::text[]) as i (bucket, hwid)
    left join device d on d.bucket = i.bucket and d.app_id = $1 and d.hwid = i.hwid
    ${sendableAddress(kind)}`
const NAMED_DEVICES = { alert: namedDevices('alert'), voip: namedDevices('voip') }

/** A user without any device is told by the user's id, each device of the others by its own. */
const NAMED_USERS = `
  select coalesce(d.hwid, i.user_id) as name, ${NAMED_COLUMNS}
    from unnest($2::text[]) as i (user_id)
    left join device d on d.app_id = $1 and d.user_id = i.user_id
    ${SENDABLE_ADDRESS}`

/**
 * SQL over `device d` and its address `a`: of each user the device that was used last, of those that can be reached if there is one: apps
 * open and register when a person starts them, while a back end may see to any device at any time.
 */
export const LATEST_FIRST = `coalesce(not a.opted_out, false) desc,
            greatest(d.last_open_at, a.last_registered_at) desc nulls last, d.last_seen_at desc, d.hwid`

const LATEST_OF_USERS = `
  select distinct on (i.user_id) coalesce(d.hwid, i.user_id) as name, ${NAMED_COLUMNS}
    from unnest($2::text[]) as i (user_id)
    left join device d on d.app_id = $1 and d.user_id = i.user_id
    ${SENDABLE_ADDRESS}
   order by i.user_id, ${LATEST_FIRST}`

/**
 * Named devices become deliveries at once, each with exactly one outcome in the end, whatever they do meanwhile. One
 * statement reads them all, so that nobody is seen twice or not at all. False when none is sent to.
 */
export async function planNamed(tx: Transaction, message: Planned): Promise<boolean> {
  const read = await readNamed(tx, message)
  const named = placed(goesLive(message) ? read.map(byChannel) : read, message)
  const [skipped, sendTo] = [named.filter(isSkipped), named.filter(it => !isSkipped(it))]
  if (skipped.length > 0) await skip(tx, message, skipped)
  for (const group of groupsOf(sendTo)) enqueue(tx, message, group)
  return sendTo.length > 0
}

/** One that can't be pushed to may be connected, or be so when it is its turn. */
function byChannel(named: Named): Named {
  return named.isUnknown ? named : { ...named, provider: named.provider ?? named.platformProvider }
}

interface Placed extends Named {
  /** Seconds since 1970; null when all are due at once. */
  readonly slot: number | null
}

/** Devices that tell the same are in the same slot. */
function placed(named: readonly Named[], { slots }: Planned): Placed[] {
  const known = new Map<string, number>()
  return named.map(it => {
    if (slots === null) return { ...it, slot: null }
    const key = JSON.stringify(it.told)
    const slot = known.get(key) ?? slotOfDevice(slots, it.told)
    known.set(key, slot)
    return { ...it, slot }
  })
}

function isSkipped(named: Placed): boolean {
  return named.provider === null || hasPassed(named)
}

function hasPassed({ slot }: Placed): boolean {
  return slot === PASSED_SLOT
}

/** Those of one batch: of one gateway, and due at the same time. */
interface Group {
  readonly provider: string
  readonly slot: Date | null
  readonly hwids: string[]
}

function groupsOf(named: readonly Placed[]): Iterable<Group> {
  const groups = new Map<string, Group>()
  for (const { name, provider, slot } of named) {
    const key = `${provider} ${slot}`
    const group = groups.get(key)
    if (group !== undefined) group.hwids.push(name)
    else if (provider !== null)
      groups.set(key, { provider, slot: slot === null ? null : new Date(slot * 1000), hwids: [name] })
  }
  return groups.values()
}

async function readNamed(
  tx: Queryable,
  { appId, target, slots, addressKind = 'alert' }: Planned,
): Promise<Named[]> {
  const opensUntil = slots?.opensUntil === undefined ? null : new Date(slots.opensUntil)
  if ('devices' in target) {
    const hwids = [...new Set(target.devices)]
    return (
      await tx.query<Named>(NAMED_DEVICES[addressKind], [appId, hwids, opensUntil, hwids.map(bucketOf)])
    ).rows
  }
  const users = [...new Set('users' in target ? target.users : [])]
  const isLatest = 'users' in target && target.userDevices === 'latest'
  const read = await tx.query<Named>(isLatest ? LATEST_OF_USERS : NAMED_USERS, [appId, users, opensUntil])
  return withoutFormerNames(read.rows)
}

/**
 * Clients name the hwid as user while nobody is logged in. Who is named by it, and whose device is another named user's by now, is
 * meant by that device: of one name there is one outcome.
 */
function withoutFormerNames(named: readonly Named[]): Named[] {
  const devices = new Set(named.flatMap(it => (it.isUnknown ? [] : [it.name])))
  return named.filter(it => !it.isUnknown || !devices.has(it.name))
}

const ENQUEUE = `
  with made as (
    insert into batch (message_id, app_id, provider, bucket_from, bucket_to, due_at, is_read, targeted, lane, send_at, slot_at, slot_devices)
    values ($1, $2, $3, 0, ${BUCKETS - 1}, $4, true, $5, $6, $7, $7, $5) returning id
  )
  insert into delivery_queue (bucket, message_id, hwid, app_id, batch_id, attempt, due_at, reason)
  select i.bucket, $1, i.hwid, $2, made.id, 1, $4, 'planned'
    from made cross join unnest($8::smallint[], $9::text[]) as i (bucket, hwid)`

export function enqueue(tx: Transaction, message: Planned, { provider, slot, hwids }: Group): void {
  tx.send(ENQUEUE, [
    message.id,
    message.appId,
    provider,
    slot ?? new Date(message.at),
    hwids.length,
    message.lane,
    slot,
    hwids.map(bucketOf),
    hwids,
  ])
}

/** They count as targeted, since somebody asked for them; a finished batch without a range holds their count. */
async function skip(tx: Queryable, message: Planned, unreachable: readonly Named[]): Promise<void> {
  const at = new Date(message.at)
  const inserted = await tx.query(
    `insert into delivery_exception (bucket, message_id, hwid, app_id, outcome, reason, at)
     select bucket, $3, hwid, $4, 'skipped', reason, $6
       from unnest($1::smallint[], $2::text[], $5::text[]) as i (bucket, hwid, reason)
     on conflict do nothing`,
    [
      unreachable.map(it => bucketOf(it.name)),
      unreachable.map(it => it.name),
      message.id,
      message.appId,
      unreachable.map(it => reasonOf(it, message)),
      at,
    ],
  )
  await tx.query(
    `insert into batch (message_id, app_id, provider, bucket_from, bucket_to, due_at, state, is_read, targeted, skipped)
     values ($1, $2, 'none', 0, -1, $3, 'done', true, $4, $4)`,
    [message.id, message.appId, at, inserted.rowCount],
  )
}

function reasonOf(named: Named, message: DueMessage): string {
  if (named.isOptedOut && !goesLive(message)) return 'no_permission'
  if (named.provider !== null) return HOUR_PASSED
  if (!named.isUnknown) return 'no_address'
  return 'devices' in message.target ? 'device_unknown' : 'user_unknown'
}
