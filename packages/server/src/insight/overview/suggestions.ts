/**
 * What people are offered while they make a condition: the tags and events that devices have, and the values that most of them have. Read from a part of
 * the base that is about as large on any base, so a value that few devices have may be missing.
 */
import {
  DEFAULT_TAGS,
  type DefaultTag,
  type SuggestedField,
  type SuggestedNames,
  type SuggestedValues,
  type TagType,
} from '@roost/protocol'
import { BUCKETS } from '../../registry/buckets.ts'
import { listTagDefinitions } from '../../registry/tags/definitions.ts'
import type { Queryable } from '../../store/database.ts'
import { chooseBuckets, SMALL_BASE } from './sample.ts'

/** Their rows are read whole: some tens of milliseconds. */
const DEVICES_WANTED = 7500
const NAMES_MAX = 500
const VALUES_MAX = 50

/** Of each bucket; one of a base of a hundred million has more than are looked at. */
const sampleSql = (columns: string): string => `
  sampled as materialized (
    select d.* from unnest($2::smallint[]) as b (bucket) cross join lateral (
      select ${columns} from device where bucket = b.bucket and app_id = $1 limit ${2 * DEVICES_WANTED}) d)`

interface Found {
  readonly devices: number
}

// ── names ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

const TAGS = `
  with ${sampleSql('tags')}, named as (
    select t.key as name, case jsonb_typeof(t.value)
                            when 'boolean' then 'boolean' when 'array' then 'list'
                            when 'number' then case when t.value::text ~ '[.eE]' then 'decimal' else 'integer' end
                            else 'string' end as type
      from sampled cross join lateral jsonb_each(tags) t
  )
  select name, mode() within group (order by type) as type, count(*)::integer as devices
    from named group by name order by 3 desc, 1 limit ${NAMES_MAX}`

/** Device by device, by the primary key. */
const EVENTS = `
  with ${sampleSql('bucket, hwid')}
  select e.name, count(*)::integer as devices
    from sampled s
    cross join lateral (
      select name from device_event where bucket = s.bucket and app_id = $1 and hwid = s.hwid offset 0) e
   group by 1 order by 2 desc, 1 limit ${NAMES_MAX}`

const COUNT = `with ${sampleSql('bucket')} select count(*)::integer as sampled from sampled`

/** Tags that are defined are there, also those that no device has. */
export async function suggestNames(db: Queryable, appId: number): Promise<SuggestedNames> {
  const buckets = await chooseBuckets(db, { appId, devices: DEVICES_WANTED, wholeUpTo: SMALL_BASE })
  const values = [appId, buckets]
  const sampled = (await db.query<{ sampled: number }>(COUNT, values)).rows[0]?.sampled ?? 0
  const tags = (await db.query<Found & { name: string; type: TagType }>(TAGS, values)).rows
  const events = (await db.query<Found & { name: string }>(EVENTS, values)).rows
  const defined = await listTagDefinitions(db, appId)
  const share = sharer(sampled, buckets.length)
  const seen = new Map(tags.map(it => [it.name, it]))
  const known = new Set(defined.map(it => it.name))
  return {
    tags: [
      ...defined.map(it => ({ ...it, isDefined: true, ...share(seen.get(it.name)?.devices ?? 0) })),
      ...tags
        .filter(it => !known.has(it.name))
        .map(({ name, type, devices }) => ({
          name,
          type,
          isDefined: false,
          isDefault: false,
          ...share(devices),
        })),
    ].toSorted((a, b) => b.devices - a.devices),
    events: events.map(({ name, devices }) => ({ name, ...share(devices) })),
    sample: sampleOf(sampled, buckets),
  }
}

// ── values ────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** As JSON. */
const FIELDS: Readonly<Record<SuggestedField, string>> = {
  platform: 'to_jsonb(s.platform)',
  language: 'to_jsonb(s.language)',
  country: "s.record -> 'country'",
  appVersion: 'to_jsonb(s.app_version)',
  osVersion: 'to_jsonb(s.os_version)',
  deviceModel: 'to_jsonb(s.device_model)',
  timezoneSeconds: 'to_jsonb(s.timezone_seconds)',
  permission: 'to_jsonb(s.permission)',
  channel: "jsonb_path_query_array(s.record, '$.channels[*].id')",
}

/** Of the server's own tags; the times have as many values as there are devices. */
const DEFAULT_TAG_VALUES: Readonly<Record<DefaultTag, string>> = {
  'Last Application Open': 'null::jsonb',
  'First Install': 'null::jsonb',
  Language: FIELDS.language,
  'Application Version': FIELDS.appVersion,
  'Device Model': FIELDS.deviceModel,
  'OS Version': FIELDS.osVersion,
  Country: FIELDS.country,
  Timezone: FIELDS.timezoneSeconds,
  'Push Alerts Enabled': "to_jsonb(s.permission not in ('denied', 'not_determined'))",
}

/** Each device counts once for each value that it has. */
const valuesSql = (json: string): string => `
  with ${sampleSql('*')}
  select v.value, count(*)::integer as devices
    from sampled s
    cross join lateral (select ${json} as value) g
    cross join lateral (
      select distinct one.value
        from jsonb_array_elements(case jsonb_typeof(g.value) when 'array' then g.value else jsonb_build_array(g.value) end) one) v
   where jsonb_typeof(v.value) in ('string', 'number', 'boolean')
     and ($3::text is null or starts_with(lower(v.value #>> '{}'), lower($3)))
   group by 1 order by 2 desc, 1 limit ${VALUES_MAX}`

export interface ValuesQuery {
  readonly appId: number
  readonly of: { readonly tag: string } | { readonly field: SuggestedField }
  /** Only those that begin with it, in any case. */
  readonly startsWith?: string | undefined
}

export async function suggestValues(
  db: Queryable,
  { appId, of, startsWith }: ValuesQuery,
): Promise<SuggestedValues> {
  const buckets = await chooseBuckets(db, { appId, devices: DEVICES_WANTED, wholeUpTo: SMALL_BASE })
  const values: unknown[] = [appId, buckets, startsWith ?? null]
  const sampled = (await db.query<{ sampled: number }>(COUNT, [appId, buckets])).rows[0]?.sampled ?? 0
  const json = 'field' in of ? FIELDS[of.field] : tagSql(of.tag, values)
  const { rows } = await db.query<{ value: string | number | boolean; devices: number }>(
    valuesSql(json),
    values,
  )
  const share = sharer(sampled, buckets.length)
  return {
    values: rows.map(({ value, devices }) => ({ value, ...share(devices) })),
    sample: sampleOf(sampled, buckets),
  }
}

function tagSql(tag: string, values: unknown[]): string {
  const own = (DEFAULT_TAGS as readonly string[]).includes(tag)
    ? DEFAULT_TAG_VALUES[tag as DefaultTag]
    : undefined
  return own ?? `s.tags -> $${values.push(tag)}::text`
}

function sharer(sampled: number, buckets: number) {
  return (devices: number) => ({
    devices: Math.round((devices * BUCKETS) / buckets),
    share: sampled === 0 ? 0 : Number((devices / sampled).toFixed(4)),
  })
}

function sampleOf(sampled: number, buckets: readonly number[]): SuggestedNames['sample'] {
  return { devices: sampled, isWhole: buckets.length === BUCKETS }
}
