/** Test devices: those that people pick to try a message on. */
import { PushError, type SelfCheckView, TEST_DEVICES_PER_APP } from '@roost/protocol'
import type { Database, Queryable } from '../store/database.ts'
import { bucketOf } from './buckets.ts'

export interface NewTestDevice {
  readonly appId: number
  readonly hwid: string
  readonly name: string
  readonly description: string | null
  readonly at: number
}

const ADD = `
  insert into test_device (bucket, app_id, hwid, name, description, created_at) values ($1, $2, $3, $4, $5, $6)
  on conflict (bucket, app_id, hwid) do update set name = excluded.name, description = excluded.description`

/** The device is there already. Adding it again gives it the new name. Throws `input_invalid` when there are too many. */
export async function addTestDevice(db: Database, device: NewTestDevice): Promise<void> {
  const { appId, hwid } = device
  await db.transaction(async tx => {
    await tx.query('select from app where id = $1 for update', [appId]) // so that two at once are counted
    await refuseTooManyTestDevices(tx, device)
    await tx.query(ADD, [bucketOf(hwid), appId, hwid, device.name, device.description, new Date(device.at)])
  })
}

/** Throws `input_invalid`. Asked before a device is registered to be one, so that a refusal leaves nothing behind. */
export async function refuseTooManyTestDevices(
  db: Queryable,
  { appId, hwid }: { readonly appId: number; readonly hwid: string },
): Promise<void> {
  const { rows } = await db.query<{ count: number }>(
    'select count(*) as count from test_device where app_id = $1 and hwid <> $2',
    [appId, hwid],
  )
  if ((rows[0]?.count ?? 0) >= TEST_DEVICES_PER_APP)
    throw new PushError('input_invalid', `the app has ${TEST_DEVICES_PER_APP} test devices; that is the most`)
}

export interface TestDevice {
  readonly hwid: string
  readonly name: string
  readonly description: string | null
  readonly createdAt: string
  readonly selfCheck: SelfCheckView | null
}

/** Newest first. */
export async function listTestDevices(db: Queryable, appId: number): Promise<TestDevice[]> {
  const { rows } = await db.query<TestDevice>(
    `select hwid, name, description, created_at as "createdAt", self_check as "selfCheck" from test_device
      where app_id = $1 order by created_at desc, hwid`,
    [appId],
  )
  return rows
}

/** The device itself stays. False when it was none. */
export async function removeTestDevice(db: Queryable, appId: number, hwid: string): Promise<boolean> {
  const { rowCount } = await db.query(
    'delete from test_device where bucket = $1 and app_id = $2 and hwid = $3',
    [bucketOf(hwid), appId, hwid],
  )
  return rowCount > 0
}
