/**
 * Whom a notification is for, in the compatible protocol: `devices` (hwids or push tokens), else `users`, else a `filter` or
 * `conditions` (`[tag, operator, operand]`, all of which must hold) and `platforms`, else everybody. A list that is there and empty is a
 * mistake and not everybody.
 */
import { createHash } from 'node:crypto'
import { type Condition, DEVICE_TYPES, HWID_CHARACTERS, PushError } from '@roost/protocol'
import { readConditionArrays } from '../../../audience/expression/arrays.ts'
import { findFilters } from '../../../audience/segments.ts'
import { addressBucketOf, bucketOf } from '../../../registry/buckets.ts'
import { hashesOfToken } from '../../../registry/token-holders.ts'
import type { Queryable } from '../../../store/database.ts'
import type { Audience, Fields } from './form.ts'

const NAMES_MAX = 1000

export interface FoundAudience {
  readonly to: Audience
  /** Of `devices`, those that the app does not have. */
  readonly unknown: readonly string[]
  /** Fields that others go before. */
  readonly beaten: readonly string[]
}

export interface AudienceQuery {
  readonly appId: number
  readonly fields: Fields
  /** Of the fields, for people. */
  readonly place: string
}

/** Throws `input_invalid`. */
export async function findAudience(db: Queryable, query: AudienceQuery): Promise<FoundAudience> {
  const { fields, place } = query
  const names = (field: string) => readNames(fields[field], `${place}.${field}`)
  const isThere = (field: string) => fields[field] !== undefined && fields[field] !== null
  const beaten = (by: readonly string[]) => by.filter(isThere)
  if (isThere('devices')) {
    refusePlatforms(query)
    const { hwids, unknown } = await findDevices(db, query.appId, names('devices'))
    return { to: { devices: hwids }, unknown, beaten: beaten(['users', 'filter', 'conditions']) }
  }
  if (isThere('users')) {
    refusePlatforms(query)
    return { to: { users: names('users') }, unknown: [], beaten: beaten(['filter', 'conditions']) }
  }
  if (isThere('filter') && isThere('conditions'))
    refuse(`${place}.filter`, 'it and conditions each name the audience; give one of them')
  const all = [
    ...(isThere('filter') ? [await readFilter(db, query)] : []),
    ...(isThere('conditions') ? [readConditions(fields.conditions, `${place}.conditions`)] : []),
    ...(isThere('platforms') ? [readPlatforms(fields.platforms, `${place}.platforms`)] : []),
  ]
  if (all.length === 0) return { to: { all: true }, unknown: [], beaten: [] }
  const [only, ...others] = all
  const condition = only !== undefined && others.length === 0 ? only : { and: all }
  return { to: { condition }, unknown: [], beaten: [] }
}

/** By name or code. */
async function readFilter(db: Queryable, { appId, fields, place }: AudienceQuery): Promise<Condition> {
  const { filter } = fields
  if (typeof filter !== 'string') return refuse(`${place}.filter`, 'it is the name or the code of a filter')
  const [found] = await findFilters(db, { appId, name: filter })
  if (found === undefined)
    refuse(`${place}.filter`, `this app has no filter ${JSON.stringify(filter.slice(0, 64))}`)
  return { segment: found.id }
}

function refuse(place: string, why: string): never {
  throw new PushError('input_invalid', `${place}: ${why}`)
}

function refusePlatforms({ fields, place }: AudienceQuery): void {
  if (fields.platforms !== undefined && fields.platforms !== null)
    refuse(`${place}.platforms`, 'they narrow down conditions and not devices or users that are named')
}

function readList(value: unknown, place: string, most: number): readonly unknown[] {
  if (!Array.isArray(value) || value.length === 0 || value.length > most)
    refuse(place, `it is a list of 1 to ${most}; leave it out to mean everybody`)
  return value
}

const NAME_CHARACTERS = 4096

function readNames(value: unknown, place: string): string[] {
  return readList(value, place, NAMES_MAX).map((it, i) => {
    const name = typeof it === 'number' && Number.isSafeInteger(it) ? String(it) : it
    if (typeof name !== 'string' || name === '' || name.length > NAME_CHARACTERS)
      refuse(`${place}.${i}`, 'it is text')
    return name
  })
}

/** By hwid, else by the address that it holds now. */
const FIND_DEVICES = `
  select i.name, coalesce(d.hwid, held.hwid) as hwid
    from unnest($2::text[], $3::smallint[]) as i (name, bucket)
    left join device d on d.bucket = i.bucket and d.app_id = $1 and d.hwid = i.name
    left join lateral (
      select o.hwid from unnest($4::text[], $5::smallint[], $6::bytea[]) as t (name, address_bucket, hash)
        join address_directory o on o.address_bucket = t.address_bucket and o.app_id = $1 and o.address_hash = t.hash
        join device h on h.bucket = o.bucket and h.app_id = $1 and h.hwid = o.hwid
       where t.name = i.name and d.hwid is null
       limit 1) held on true`

/** Unknown ones are kept by a hash: they count as targeted, and a token is not to lie about in a message. */
export async function findDevices(
  db: Queryable,
  appId: number,
  names: readonly string[],
): Promise<{ readonly hwids: string[]; readonly unknown: string[] }> {
  const hashes = names.flatMap(name => hashesOfToken(name).map(hash => ({ name, hash })))
  const { rows } = await db.query<{ name: string; hwid: string | null }>(FIND_DEVICES, [
    appId,
    names,
    names.map(bucketOf),
    hashes.map(it => it.name),
    hashes.map(it => addressBucketOf(it.hash)),
    hashes.map(it => it.hash),
  ])
  const unknown = [...new Set(rows.flatMap(it => (it.hwid === null ? [it.name] : [])))]
  const hwids = new Set(rows.map(it => it.hwid ?? placeholderOf(it.name)))
  return { hwids: [...hwids], unknown }
}

function placeholderOf(name: string): string {
  return `unknown:${createHash('sha256').update(name).digest('hex')}`.slice(0, HWID_CHARACTERS)
}

/** Clients count browsers one by one; here they are one platform. */
function readPlatforms(value: unknown, place: string): Condition {
  const platforms = readList(value, place, 100).map(it => {
    const platform = (DEVICE_TYPES as Readonly<Record<string, string>>)[String(it)]
    if (platform === undefined)
      refuse(place, `${String(it).slice(0, 20)} is none of ${Object.keys(DEVICE_TYPES).join(', ')}`)
    return platform
  })
  return { field: 'platform', op: 'in', value: [...new Set(platforms)] }
}

const CONDITIONS_MAX = 100

/** All of them have to hold. */
function readConditions(value: unknown, place: string): Condition {
  readList(value, place, CONDITIONS_MAX)
  return readConditionArrays(value, 'and')
}
