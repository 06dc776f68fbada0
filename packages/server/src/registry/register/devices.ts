/** The row of a device: what calls say of it, and whose it is. */
import { type Permission, TAGS_BYTES_PER_DEVICE, TAGS_PER_DEVICE } from '@roost/protocol'
import type { Queryable } from '../../store/database.ts'
import { bucketOf } from '../buckets.ts'
import { deviceOrder } from '../lock-order.ts'
import type { DeviceUpdate } from './update.ts'

const DEVICE_COLUMNS = `bucket, app_id, hwid, platform, user_id, tags, language, timezone_seconds, app_version, os_version,
                    device_model, first_seen_at, last_seen_at, told_at, user_told_at, last_open_at, client_seq, permission, record`
const DEVICE_VALUES = `i.bucket, i.app_id, i.hwid, i.platform, i.user_id, i.tags, i.language, i.timezone_seconds,
           i.app_version, i.os_version, i.device_model, i.at, i.at, case when not i.is_call then i.at end,
           case when not i.is_call and i.is_user_said then i.at end, case when i.is_open then i.at end, i.client_seq,
           i.permission, i.record`
const KNOWN = 'select from device k where k.bucket = i.bucket and k.app_id = i.app_id and k.hwid = i.hwid'

/**
 * A null column means "not said" and keeps what is stored; a null tag clears the tag (`jsonb_strip_nulls`; in a
 * new row it stays as JSON null, which conditions read as unset). Tags that would become too many are left as they
 * were: a device calls with a public token, and its row is read by every campaign.
 * R5: a row whose device has counted further is not changed, and not returned.
 * New devices come before known ones, in the order of locks; one that another transaction makes known meanwhile is changed.
 * An unregistration without a number makes no device: clients send it before they register for the first time.
 * R15: what a back end says moves a clock of its own, but for a device that begins with it.
 */
const UPSERT_DEVICES = `
  with i as (
    select *, case when octet_length(asked::text) <= ${TAGS_BYTES_PER_DEVICE} then asked else '{}' end as tags
      from unnest($1::smallint[], $2::integer[], $3::text[], $4::text[], $5::text[], $6::jsonb[], $7::text[],
                  $8::integer[], $9::text[], $10::text[], $11::text[], $12::timestamptz[], $13::boolean[],
                  $14::bigint[], $15::boolean[], $16::text[], $17::jsonb[], $18::boolean[], $19::boolean[])
             as it (bucket, app_id, hwid, platform, user_id, asked, language, timezone_seconds, app_version,
                    os_version, device_model, at, is_open, client_seq, is_unregister, permission, record, is_call,
                    is_user_said)
  ), created as (
    insert into device as d (${DEVICE_COLUMNS})
    select ${DEVICE_VALUES}
      from i
     where not exists (${KNOWN}) and (not i.is_unregister or i.client_seq is not null)
     order by ${deviceOrder('i')}
    on conflict do nothing
    returning d.bucket, d.app_id, d.hwid, d.tags, d.permission
  ), changed as (
    insert into device as d (${DEVICE_COLUMNS})
    select ${DEVICE_VALUES}
      from i
     where (select count(*) from created) is not null
       and (i.app_id, i.hwid) not in (select app_id, hwid from created)
       and (not i.is_unregister or i.client_seq is not null or exists (${KNOWN}))
     order by ${deviceOrder('i')}
    on conflict (bucket, app_id, hwid) do update
       set platform = coalesce(excluded.platform, d.platform),
           user_id = coalesce(excluded.user_id, d.user_id),
           tags = case when excluded.tags = '{}' then d.tags else (
                    select case when octet_length(merged::text) <= ${TAGS_BYTES_PER_DEVICE}
                                 and (select count(*) from jsonb_object_keys(merged)) <= ${TAGS_PER_DEVICE}
                                then merged else d.tags end
                      from (select jsonb_strip_nulls(d.tags || excluded.tags) as merged offset 0) m) end,
           language = coalesce(excluded.language, d.language),
           timezone_seconds = coalesce(excluded.timezone_seconds, d.timezone_seconds),
           app_version = coalesce(excluded.app_version, d.app_version),
           os_version = coalesce(excluded.os_version, d.os_version),
           device_model = coalesce(excluded.device_model, d.device_model),
           last_seen_at = case when excluded.told_at is null then greatest(excluded.last_seen_at, d.last_seen_at)
                               else d.last_seen_at end,
           told_at = greatest(excluded.told_at, d.told_at),
           user_told_at = greatest(excluded.user_told_at, d.user_told_at),
           last_open_at = greatest(excluded.last_open_at, d.last_open_at),
           client_seq = greatest(excluded.client_seq, d.client_seq),
           permission = coalesce(excluded.permission, d.permission),
           record = case when excluded.record = '{}' then d.record
                         else jsonb_strip_nulls(d.record || excluded.record) end
     where excluded.client_seq is null or d.client_seq is null or excluded.client_seq >= d.client_seq
    returning d.bucket, d.app_id, d.hwid, d.tags, d.permission
  )
  select i.app_id as "appId", i.hwid, s.permission, not s.tags @> jsonb_strip_nulls(i.asked) as "areTagsRefused"
    from (select * from created union all select * from changed) s join i using (bucket, app_id, hwid)`

export interface UpsertedDevice {
  readonly isStale: boolean
  /** It would have too many; it keeps those that it had. */
  readonly areTagsRefused: boolean
  readonly permission: Permission | null
}

export async function upsertDevices(
  tx: Queryable,
  updates: readonly DeviceUpdate[],
): Promise<UpsertedDevice[]> {
  const { rows } = await tx.query<UpsertedDevice & { appId: number; hwid: string }>(UPSERT_DEVICES, [
    updates.map(it => bucketOf(it.hwid)),
    updates.map(it => it.appId),
    updates.map(it => it.hwid),
    updates.map(it => it.platform),
    updates.map(it => it.userId),
    updates.map(it => JSON.stringify(it.tags ?? {})),
    updates.map(it => it.language),
    updates.map(it => it.timezoneSeconds),
    updates.map(it => it.appVersion),
    updates.map(it => it.osVersion),
    updates.map(it => it.deviceModel),
    updates.map(it => new Date(it.at)),
    updates.map(it => it.isOpen),
    updates.map(it => it.clientSeq),
    updates.map(it => it.isUnregister),
    updates.map(it => it.permission),
    updates.map(it => JSON.stringify(it.record ?? {})),
    updates.map(it => it.isCall),
    updates.map(it => it.userId !== null || it.isLogout),
  ])
  const stored = new Map(rows.map(row => [`${row.appId} ${row.hwid}`, row]))
  return updates.map(({ appId, hwid, clientSeq }) => {
    const row = stored.get(`${appId} ${hwid}`)
    return {
      isStale: row === undefined && clientSeq !== null,
      areTagsRefused: row?.areTagsRefused ?? false,
      permission: row?.permission ?? null,
    }
  })
}

/** R25: from this commit on nothing that is meant for the user goes to this device. */
const LOG_OUT = `
  update device d set user_id = null
    from unnest($1::smallint[], $2::integer[], $3::text[]) as i (bucket, app_id, hwid)
   where d.bucket = i.bucket and d.app_id = i.app_id and d.hwid = i.hwid and d.user_id is not null`

export async function logOut(tx: Queryable, updates: readonly DeviceUpdate[]): Promise<void> {
  await tx.query(LOG_OUT, [
    updates.map(it => bucketOf(it.hwid)),
    updates.map(it => it.appId),
    updates.map(it => it.hwid),
  ])
}
