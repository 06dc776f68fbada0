/**
 * Who is in which part of an experiment: the control group, a variant, or the rest. It goes by a hash of the message (of the trigger,
 * where it is an event's) and the person (the device, where nobody is logged in), so that a person sees one variant on all devices, and a repeat stays in it.
 *
 * The rest is read when it is decided what it gets and the variants are read, by batches of their own. By then people have
 * logged in and out, so it is not asked for the part again, but for everybody who has no outcome yet: nobody is sent two
 * variants, and nobody is left out.
 */
import { createHash } from 'node:crypto'
import { type Content, type Experiment, sharesOf } from '@roost/protocol'
import { type Device, findExceptedOrWaiting } from '../../dispatch/outcomes.ts'
import type { Queryable } from '../../store/database.ts'

/** What a batch knows of its message's experiment. */
export interface BatchExperiment {
  readonly asked: Experiment
  /** What people are parted by: the id of the message; of a trigger its own, so that a person is in one part on all days. */
  readonly seed: string
  /** Of the variant that the rest gets; null while that is not decided. */
  readonly chosen: string | null
  /** The batch is of the rest. */
  readonly isRest: boolean
}

export type Part =
  | { readonly kind: 'control' }
  | { readonly kind: 'variant'; readonly index: number }
  | { readonly kind: 'rest' }

const SLOTS = 10_000
/** 28 bits, which are positive in any integer. */
const DIGITS = 7

/** SQL: a number from 0 to 9999; both arguments are SQL. */
function slotSql(messageId: string, person: string): string {
  return `(('x' || left(md5(${messageId}::text || ${person}), ${DIGITS}))::bit(28)::integer % ${SLOTS})`
}

export function hasRest(asked: Experiment): boolean {
  return sharesOf(asked).rest > 0
}

/** SQL over `device d`: whether it is of the rest. Its values are added to `values`. */
export function isRestSql(
  { messageId, asked }: { readonly messageId: string; readonly asked: Experiment },
  values: unknown[],
): string {
  const from = SLOTS - sharesOf(asked).rest
  return `${slotSql(`$${values.push(messageId)}::uuid`, 'coalesce(d.user_id, d.hwid)')} >= $${values.push(from)}::integer`
}

/** What `slotSql` is in SQL. */
export function slotOf(seed: string, person: string): number {
  const digits = createHash('md5')
    .update(seed + person)
    .digest('hex')
    .slice(0, DIGITS)
  return Number.parseInt(digits, 16) % SLOTS
}

export function partOf(asked: Experiment, slot: number): Part {
  const { control, variants } = sharesOf(asked)
  if (slot < control) return { kind: 'control' }
  let end = control
  for (const [index, share] of variants.entries()) {
    end += share
    if (slot < end) return { kind: 'variant', index }
  }
  return { kind: 'rest' }
}

interface Readable {
  readonly id: string
  readonly content: Content
  /** Null when it has no variants. */
  readonly experiment: Experiment | null
  /** Of the variant that the rest gets; null while that is not decided. */
  readonly chosen: string | null
}

/**
 * What somebody reads of a message in their inbox, and the place of its variant; undefined for the control group, and for the rest as long
 * as it is not decided what that gets.
 */
export function partToRead(
  { id, content, experiment, chosen }: Readable,
  person: string,
): { readonly content: Content; readonly place?: number } | undefined {
  if (experiment === null) return { content }
  const part = partOf(experiment, slotOf(id, person))
  if (part.kind === 'control') return undefined
  const { variants } = experiment
  const place = part.kind === 'variant' ? part.index : variants.length
  const variant = variants[place] ?? variants.find(it => it.name === chosen)
  return variant && { content: contentOf(content, variant), place }
}

/** The message's own, with what the variant has in its place. */
export function contentOf(content: Content, variant: Experiment['variants'][number] | undefined): Content {
  return { ...content, ...variant?.content } as Content
}

/**
 * Batches of the rest, beside those of everybody else, that wait until it is decided what it gets, and until the variants of
 * their range are read: whoever waits for a variant has no outcome, either.
 */
const RANGES_OF_REST = `
  insert into batch (message_id, app_id, provider, bucket_from, bucket_to, due_at, lane, is_rest, after_batch)
  select message_id, app_id, provider, bucket_from, bucket_to, 'infinity', lane, true, id
    from batch where message_id = $1 and not is_read and not is_rest`

const NAMED_OF_REST = (isRest: string) => `
  with rest as (
    select q.bucket, q.hwid, q.batch_id
      from delivery_queue q
      left join device d on d.bucket = q.bucket and d.app_id = q.app_id and d.hwid = q.hwid
     where q.message_id = $1 and coalesce(${isRest}, false)
  ), counted as (
    select batch_id, count(*)::integer as count from rest group by batch_id
  ), made as (
    insert into batch (message_id, app_id, provider, bucket_from, bucket_to, due_at, is_read, targeted, lane, is_rest)
    select b.message_id, b.app_id, b.provider, b.bucket_from, b.bucket_to, 'infinity', true, c.count, b.lane, true
      from counted c join batch b on b.id = c.batch_id
    returning id, provider
  ), lessened as (
    update batch b set targeted = b.targeted - c.count from counted c where b.id = c.batch_id
    returning b.id, b.provider
  )
  update delivery_queue q set batch_id = made.id
    from rest join lessened on lessened.id = rest.batch_id join made on made.provider = lessened.provider
   where q.message_id = $1 and q.bucket = rest.bucket and q.hwid = rest.hwid`

/** In the transaction that plans the message. There is one batch of named devices for each gateway. */
export async function setRestAside(tx: Queryable, messageId: string, asked: Experiment): Promise<void> {
  if (!hasRest(asked)) return
  await tx.query(RANGES_OF_REST, [messageId])
  const values: unknown[] = [messageId]
  await tx.query(NAMED_OF_REST(isRestSql({ messageId, asked }, values)), values)
}

const KEY_BYTES = 8

/** Of these devices those that the message has come to nothing for yet, nor waits for. */
export async function withoutOutcome<T extends Device>(
  db: Queryable,
  batch: { readonly messageId: string; readonly bucketFrom: number; readonly bucketTo: number },
  devices: readonly T[],
): Promise<T[]> {
  if (devices.length === 0) return []
  const gone = await findExceptedOrWaiting(db, batch.messageId, devices)
  const buckets = devices.map(it => it.bucket)
  const accepted = await readAccepted(db, batch, { from: Math.min(...buckets), to: Math.max(...buckets) })
  return devices.filter(it => !gone.has(it.hwid) && !accepted.has(keyOf(batch.messageId, it.hwid)))
}

/** A chunk lies within its batch's range, which the batches of the rest share: the index leads to the few rows there. */
async function readAccepted(
  db: Queryable,
  batch: { readonly messageId: string; readonly bucketFrom: number; readonly bucketTo: number },
  buckets: { readonly from: number; readonly to: number },
): Promise<ReadonlySet<string>> {
  const { rows } = await db.query<{ accepted: Buffer }>(
    `select accepted from acceptance
      where message_id = $1 and bucket_to between $2 and $3 and bucket_from <= $4`,
    [batch.messageId, buckets.from, batch.bucketTo, buckets.to],
  )
  const keys = new Set<string>()
  for (const { accepted } of rows)
    for (let at = 0; at < accepted.length; at += KEY_BYTES)
      keys.add(accepted.toString('latin1', at, at + KEY_BYTES))
  return keys
}

/** What `bookProgress` writes. */
function keyOf(messageId: string, hwid: string): string {
  return createHash('sha256')
    .update(messageId + hwid)
    .digest()
    .toString('latin1', 0, KEY_BYTES)
}
