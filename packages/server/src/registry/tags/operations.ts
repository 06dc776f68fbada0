/**
 * Operations on tags: increment, append, remove. They go by what is stored, so they are worked out here, behind the row
 * lock of the device that the call has taken: of two increments at once both count.
 */
import { TAGS_BYTES_PER_DEVICE, TAGS_PER_DEVICE } from '@roost/protocol'
import type { Queryable } from '../../store/database.ts'
import { bucketOf } from '../buckets.ts'
import { refusedTags, type Scalar, type SkippedTag, type TagOperation } from './tags.ts'

interface Update {
  readonly appId: number
  readonly hwid: string
  readonly tagOperations: readonly TagOperation[]
}

type Tags = Readonly<Record<string, unknown>>

const READ = `
  select i.n, d.tags
    from unnest($1::integer[], $2::smallint[], $3::integer[], $4::text[]) as i (n, bucket, app_id, hwid)
    join device d on d.bucket = i.bucket and d.app_id = i.app_id and d.hwid = i.hwid`

const WRITE = `
  update device d set tags = i.tags
    from unnest($1::integer[], $2::smallint[], $3::integer[], $4::text[], $5::jsonb[]) as i (n, bucket, app_id, hwid, tags)
   where d.bucket = i.bucket and d.app_id = i.app_id and d.hwid = i.hwid
     and octet_length(i.tags::text) <= ${TAGS_BYTES_PER_DEVICE}
     and (select count(*) from jsonb_object_keys(i.tags)) <= ${TAGS_PER_DEVICE}
  returning i.n`

/** The caller's transaction has locked the rows of these devices. Returns what each of them could not do, and why. */
export async function applyTagOperations<U extends Update>(
  tx: Queryable,
  updates: readonly U[],
): Promise<ReadonlyMap<U, readonly SkippedTag[]>> {
  const asked = updates.filter(it => it.tagOperations.length > 0)
  if (asked.length === 0) return new Map()
  const keys = [
    asked.map((_, n) => n),
    asked.map(it => bucketOf(it.hwid)),
    asked.map(it => it.appId),
    asked.map(it => it.hwid),
  ]
  const { rows } = await tx.query<{ n: number; tags: Tags }>(READ, keys)
  const worked = new Map(rows.map(({ n, tags }) => [n, workOut(tags, (asked[n] as U).tagOperations)]))
  const written = await tx.query<{ n: number }>(WRITE, [
    ...keys,
    asked.map((_, n) => JSON.stringify(worked.get(n)?.tags ?? {})),
  ])
  const stored = new Set(written.rows.map(it => it.n))
  return new Map(
    asked.map((update, n) => [
      update,
      stored.has(n) ? (worked.get(n)?.skipped ?? []) : refusedTags(update.tagOperations.map(it => it.tag)),
    ]),
  )
}

function workOut(
  stored: Tags,
  operations: readonly TagOperation[],
): { readonly tags: Tags; readonly skipped: readonly SkippedTag[] } {
  const tags = new Map(Object.entries(stored))
  const skipped: SkippedTag[] = []
  for (const it of operations) {
    const result = resultOf(tags.get(it.tag) ?? null, it)
    if ('fault' in result) skipped.push({ tag: it.tag, reason: result.fault })
    else if (result.value === null) tags.delete(it.tag)
    else tags.set(it.tag, result.value)
  }
  return { tags: Object.fromEntries(tags), skipped }
}

/** A list that nothing is left of is no tag any more. */
function resultOf(
  before: unknown,
  it: TagOperation,
): { readonly value: unknown } | { readonly fault: string } {
  if (it.operation === 'increment') {
    if (before !== null && typeof before !== 'number')
      return { fault: 'the tag holds no number, so it can not be incremented' }
    const sum = exactSum(before ?? 0, it.value)
    return Number.isFinite(sum) ? { value: sum } : { fault: 'the sum is beyond what a number can hold' }
  }
  const list: readonly unknown[] = Array.isArray(before) ? before : before === null ? [] : [before]
  const isNamed = (value: unknown) => it.value.includes(value as Scalar)
  const kept =
    it.operation === 'remove' ? list.filter(value => !isNamed(value)) : [...new Set([...list, ...it.value])]
  return { value: kept.length === 0 ? null : kept }
}

/** Prices: 0.1 three times is 0.3. Fifteen digits are what a double holds for sure. */
function exactSum(a: number, b: number): number {
  return Number.isSafeInteger(a) && Number.isSafeInteger(b) ? a + b : Number((a + b).toPrecision(15))
}
