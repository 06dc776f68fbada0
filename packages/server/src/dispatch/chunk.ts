/**
 * Reading a chunk: the next devices of a batch in bucket order, or retries that are due. Addresses are read here and
 * sent to at once, so nobody is sent to whose address has changed hands or ended meanwhile (R11).
 */
import { compileCondition } from '../audience/condition.ts'
import type { SendTarget } from '../credentials/senders.ts'
import type { Queryable } from '../store/database.ts'
import type { Batch } from './lease.ts'

export interface Recipient extends SendTarget {
  readonly bucket: number
  readonly hwid: string
  readonly hash: Buffer
  readonly generation: number
  /** 1 for the first try. */
  readonly attempt: number
}

const ADDRESS_COLUMNS = `a.bucket, a.hwid, a.address_hash as hash, a.generation, a.provider, a.environment, a.address,
  a.keys, a.credential_id as "credentialId"`

export async function readRecipients(db: Queryable, batch: Batch, limit: number): Promise<Recipient[]> {
  const values: unknown[] = [
    batch.appId,
    batch.provider,
    batch.cursorBucket ?? batch.bucketFrom,
    batch.cursorHwid ?? '',
    batch.bucketTo,
    limit,
  ]
  const who = audience(batch, values)
  const { rows } = await db.query<Recipient>(
    `select ${ADDRESS_COLUMNS}, 1 as attempt
       from address a
       join device d on d.bucket = a.bucket and d.app_id = a.app_id and d.hwid = a.hwid
      where a.app_id = $1 and a.provider = $2 and a.kind = 'alert' and a.state in ('active', 'suspect')
        and (a.bucket, a.hwid) > ($3::smallint, $4::text) and a.bucket <= $5
        and ${who}
      order by a.bucket, a.hwid
      limit $6`,
    values,
  )
  return rows
}

/** The target as SQL over `device d`; its values are added to `values`. */
function audience(batch: Batch, values: unknown[]): string {
  const target = batch.target
  if ('devices' in target) return `d.hwid = any($${values.push(target.devices)}::text[])`
  if ('users' in target) return `d.user_id = any($${values.push(target.users)}::text[])`
  if ('all' in target) return 'true'
  const compiled = compileCondition(target.condition, values.length + 1)
  values.push(...compiled.values)
  return compiled.sql
}

/** A delivery that waited: with the device's address of now, or null when it has none any more. */
export interface DueRetry {
  readonly bucket: number
  readonly hwid: string
  readonly attempt: number
  readonly recipient: Recipient | null
}

interface RetryRow extends Omit<Recipient, 'hash'> {
  readonly hash: Buffer | null
}

const DUE_RETRIES = `
  select r.bucket, r.hwid, r.attempt, a.address_hash as hash, a.generation, a.provider, a.environment, a.address,
         a.keys, a.credential_id as "credentialId"
    from delivery_retry r
    left join address a on a.bucket = r.bucket and a.app_id = r.app_id and a.hwid = r.hwid
     and a.kind = 'alert' and a.state in ('active', 'suspect')
   where r.batch_id = $1 and r.due_at <= $2
   order by r.bucket, r.hwid
   limit $3`

export async function readDueRetries(
  db: Queryable,
  query: { readonly batchId: number; readonly at: number; readonly limit: number },
): Promise<DueRetry[]> {
  const { rows } = await db.query<RetryRow>(DUE_RETRIES, [query.batchId, new Date(query.at), query.limit])
  return rows.map(row => ({
    bucket: row.bucket,
    hwid: row.hwid,
    attempt: row.attempt,
    recipient: row.hash === null ? null : { ...row, hash: row.hash },
  }))
}
