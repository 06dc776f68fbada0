/**
 * Coverage: of how many devices anything is heard of a message that a gateway took for them. Where an app has no extension, or
 * an old one, a message may well have come and nobody says so; without this number "delivered" would be read as reach.
 *
 * Read from the newest campaigns that are a day old, in a part of the buckets: whom a gateway took them for is on record as
 * hashes (dispatch/acceptances.ts), so the devices of a bucket are held against them.
 */
import type { Coverage } from '@roost/protocol'
import { KEY_BYTES, memberKey } from '../../inbox/member-key.ts'
import { BUCKETS } from '../../registry/buckets.ts'
import type { Queryable } from '../../store/database.ts'

const MESSAGES = 3
const DEVICES_WANTED = 20_000
/** For each message: one to few of many devices would else be looked for among all of them. */
const LOOKED_AT_MAX = 200_000
const DAY_MS = 24 * 3_600_000
/** Fewer say nothing of a version. */
const DEVICES_OF_GROUP_MIN = 20
const GROUPS_MAX = 100

/** Silent ones ask for no receipt. */
const NEWEST = `
  select m.id, (select coalesce(sum(b.accepted), 0)::bigint from batch b where b.message_id = m.id) as accepted
    from message m
   where m.app_id = $1 and m.lane = 2 and m.knock is null and m.planned_at <= $2 and m.planned_at > $3
     and coalesce((m.content -> 'silent')::boolean, false) = false
   order by m.created_at desc limit 20`

const ACCEPTED = `
  select a.accepted from acceptance a
   where a.message_id = $1 and a.bucket_to >= $2::smallint and a.bucket_from <= $3::smallint`

/** Of each device it is asked by key: as `exists` it may become a hash of all receipts of the message. */
const GROUPS = `
  select coalesce(d.platform, 'other') as platform, d.app_version as "appVersion",
         d.record ->> 'extensionVersion' as "extensionVersion", count(*)::integer as devices,
         count((select true from receipt r
                 where r.bucket = d.bucket and r.message_id = $4 and r.hwid = d.hwid limit 1))::integer as "heardOf"
    from device d
   where d.bucket between $2::smallint and $3::smallint and d.app_id = $1
     and ${memberKey('$4::uuid', 'd.hwid')} = any($5::bytea[])
   group by 1, 2, 3`

type Group = Coverage['groups'][number]

export async function readCoverage(
  db: Queryable,
  { appId, at }: { readonly appId: number; readonly at: number },
): Promise<Coverage> {
  const { rows } = await db.query<{ id: string; accepted: number }>(NEWEST, [
    appId,
    new Date(at - DAY_MS),
    new Date(at - 30 * DAY_MS),
  ])
  const messages = rows.filter(it => it.accepted > 0).slice(0, MESSAGES)
  const groups = new Map<string, Group>()
  for (const { id, accepted } of messages) {
    const upTo = bucketsFor({ accepted, ofBucket: await devicesOfBucket(db, appId) }) - 1
    for (const group of await groupsOf(db, { appId, id, upTo })) add(groups, group)
  }
  return coverageOf(
    messages.map(it => it.id),
    [...groups.values()],
  )
}

/** In how many buckets the devices are looked for that so many were accepted of, where so many lie in one bucket. */
export function bucketsFor({
  accepted,
  ofBucket,
}: {
  readonly accepted: number
  readonly ofBucket: number
}): number {
  const wanted = Math.ceil((BUCKETS * DEVICES_WANTED) / MESSAGES / accepted)
  return Math.max(1, Math.min(BUCKETS, wanted, Math.floor(LOOKED_AT_MAX / Math.max(1, ofBucket))))
}

export async function devicesOfBucket(db: Queryable, appId: number): Promise<number> {
  const { rows } = await db.query<{ count: number }>(
    'select count(*)::integer as count from device where bucket = 0 and app_id = $1',
    [appId],
  )
  return rows[0]?.count ?? 0
}

async function groupsOf(
  db: Queryable,
  { appId, id, upTo }: { readonly appId: number; readonly id: string; readonly upTo: number },
): Promise<Group[]> {
  const keys = await acceptedKeys(db, { id, upTo })
  const found = await db.query<Group>(GROUPS, [appId, 0, upTo, id, keys])
  return found.rows
}

/** Of the devices in the first buckets, up to that one, which a gateway took the message for: see inbox/member-key.ts. */
export async function acceptedKeys(
  db: Queryable,
  { id, upTo }: { readonly id: string; readonly upTo: number },
): Promise<Buffer[]> {
  const { rows } = await db.query<{ accepted: Buffer }>(ACCEPTED, [id, 0, upTo])
  const keys: Buffer[] = []
  for (const { accepted } of rows)
    for (let i = 0; i < accepted.length; i += KEY_BYTES) keys.push(accepted.subarray(i, i + KEY_BYTES))
  return keys
}

function add(groups: Map<string, Group>, group: Group): void {
  const { platform, appVersion, extensionVersion } = group
  const key = JSON.stringify([platform, appVersion, extensionVersion])
  const known = groups.get(key)
  const devices = (known?.devices ?? 0) + group.devices
  const heardOf = (known?.heardOf ?? 0) + group.heardOf
  groups.set(key, { ...group, devices, heardOf, share: shareOf(heardOf, devices) })
}

function shareOf(part: number, all: number): number | null {
  return all === 0 ? null : Number((part / all).toFixed(4))
}

export function coverageOf(messages: readonly string[], groups: readonly Group[]): Coverage {
  const sum = (of: (group: Group) => number) => groups.reduce((total, it) => total + of(it), 0)
  const devices = sum(it => it.devices)
  const heardOf = sum(it => it.heardOf)
  const inOrder = [...groups].sort((a, b) => b.devices - a.devices).slice(0, GROUPS_MAX)
  return {
    messages: [...messages],
    devices,
    heardOf,
    share: shareOf(heardOf, devices),
    groups: inOrder,
    findings: findingsOf(groups, { devices, heardOf }),
  }
}

function findingsOf(
  groups: readonly Group[],
  { devices, heardOf }: { readonly devices: number; readonly heardOf: number },
): string[] {
  if (devices === 0) return ['no campaign of the last 30 days is a day old, so nothing is known yet']
  const first = `receipts are seen from ${Math.round((100 * heardOf) / devices)} % of devices`
  const platforms = [...new Set(groups.map(it => it.platform))].sort()
  return [first, ...platforms.flatMap(platform => silenceOf(platform, groups))]
}

/** "ios: no receipts from versions below 2.3". */
function silenceOf(platform: string, groups: readonly Group[]): string[] {
  const versions = new Map<string, { devices: number; heardOf: number }>()
  for (const it of groups) {
    if (it.platform !== platform) continue
    const known = versions.get(it.appVersion ?? '') ?? { devices: 0, heardOf: 0 }
    versions.set(it.appVersion ?? '', {
      devices: known.devices + it.devices,
      heardOf: known.heardOf + it.heardOf,
    })
  }
  const all = [...versions].filter(([, it]) => it.devices >= DEVICES_OF_GROUP_MIN)
  if (all.length > 0 && all.every(([, it]) => it.heardOf === 0)) return [`${platform}: no receipts at all`]
  const heard = all.filter(([name, it]) => name !== '' && it.heardOf > 0).map(([name]) => name)
  const silent = all.filter(([name, it]) => name !== '' && it.heardOf === 0).map(([name]) => name)
  const oldest = heard.sort(byVersion)[0]
  if (oldest === undefined || silent.length === 0) return []
  if (silent.every(it => byVersion(it, oldest) < 0))
    return [`${platform}: no receipts from versions below ${oldest}`]
  return [`${platform}: no receipts from versions ${silent.sort(byVersion).slice(0, 5).join(', ')}`]
}

function byVersion(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true })
}
