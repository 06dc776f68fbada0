/**
 * Recalling a message: what is left of it is stopped, it leaves all inboxes, and a message of its own goes to those for
 * whom a gateway took it and who have not opened it. With content of the sender's it replaces what is shown, by the
 * collapse key; without, it asks the app silently to take that away, since no gateway lets a server do so.
 *
 * It waits until all of the recalled message is booked, and so knows everybody whom it reached, those in doubt too. What has come to
 * a device since is left alone: a later message under the same key, which has taken the place of the recalled one; and whoever has
 * logged in since is shown no words that were meant for another person, but their app is asked to take those of the other one away.
 * Source: Apple, "Sending notification requests to APNs" (`apns-collapse-id`); Notifications API, "tag".
 */
import { type Condition, type Content, type NewMessage, PushError, type Target } from '@roost/protocol'
import { compileAccepted } from '../audience/condition.ts'
import { readScope } from '../audience/scope.ts'
import { ACCEPTANCES_KEPT_DAYS } from '../dispatch/acceptances.ts'
import { withdrawFromInboxes } from '../inbox/open.ts'
import { hashOf } from '../insight/receipts.ts'
import { bucketOf } from '../registry/buckets.ts'
import type { Database, Queryable } from '../store/database.ts'
import { cancelIn, lockMessage, type MessageKey } from './control.ts'
import { createMessage } from './create.ts'
import type { ImageVerdict } from './images.ts'
import { LANES } from './lanes.ts'

export interface Recall {
  readonly key: MessageKey
  /** What takes the place of what was shown; absent: it is to go away. */
  readonly content?: Content | undefined
  readonly images?: ImageVerdict | undefined
  readonly at: number
}

/** At the root of what the app gets, beside `p`: the `p` of the message that it is to take away. */
const RECALLED = 'roost_recall'
const DAY_MS = 24 * 3_600_000

/** A repeat changes nothing. Throws `message_unknown`, `message_over` for what can't be recalled (any more), and what createMessage throws. */
export async function recallMessage(db: Database, { key, content, images, at }: Recall): Promise<void> {
  await db.transaction(async tx => {
    const found = await lockMessage(tx, key)
    const recalled = await readRecalled(tx, key)
    if (await isRepeat(tx, key, content)) return
    refuseLate(key, recalled, at)
    if (found.state !== 'done') await cancelIn(tx, { key, found, at })
    tx.announce('control')
    await withdrawFromInboxes(tx, { messageId: key.id, at })
    if (!found.isPlanned) return // nobody got it
    const later = await readLater(tx, key, recalled)
    const input = recallOf(key, { ...recalled, later }, content)
    const created = await createMessage(tx, { appId: key.appId, input, images, at })
    await tx.query('update message set recall_of = $2 where id = $1', [created.id, key.id])
  })
}

interface Recalled {
  readonly target: Target
  readonly ttlSeconds: number
  readonly lane: number
  readonly collapseKey: string | null
  /** ISO 8601. */
  readonly sendAt: string
  readonly isRecall: boolean
}

async function readRecalled(tx: Queryable, { id }: MessageKey): Promise<Recalled> {
  const { rows } = await tx.query<Recalled>(
    `select target, ttl_seconds as "ttlSeconds", lane, collapse_key as "collapseKey", send_at as "sendAt",
            recall_of is not null as "isRecall"
       from message where id = $1`,
    [id],
  )
  return rows[0] as Recalled
}

async function isRepeat(tx: Queryable, { id }: MessageKey, content: Content | undefined): Promise<boolean> {
  const { rows } = await tx.query<{ id: string; isSame: boolean }>(
    `select id, content = coalesce($2::jsonb, content) and (content ? 'silent') = ($2::jsonb is null) as "isSame"
       from message where recall_of = $1`,
    [id, content === undefined ? null : JSON.stringify(content)],
  )
  const [recall] = rows
  if (recall?.isSame === false)
    throw new PushError('message_over', `message ${id} was recalled in other words, by message ${recall.id}`)
  return recall !== undefined
}

function refuseLate({ id }: MessageKey, { isRecall, sendAt }: Recalled, at: number): void {
  if (isRecall) throw new PushError('message_over', `message ${id} is itself a recall`)
  if (Date.parse(sendAt) < at - ACCEPTANCES_KEPT_DAYS * DAY_MS)
    throw new PushError(
      'message_over',
      `message ${id} was sent more than ${ACCEPTANCES_KEPT_DAYS} days ago; whom it reached is not on record any more`,
    )
}

/** Under one key a device shows the last one alone; each of these is asked of every device. */
const LATER_ASKED = 50

/** What was sent under the key of the sender since, the newest first. */
async function readLater(
  tx: Queryable,
  { appId, id }: MessageKey,
  { collapseKey, sendAt }: Recalled,
): Promise<string[]> {
  if (collapseKey === null) return []
  const { rows } = await tx.query<{ id: string }>(
    `select id from message
      where app_id = $1 and collapse_key = $2 and id <> $3 and send_at >= $4 and planned_at is not null and recall_of is null
      order by send_at desc, id desc limit ${LATER_ASKED}`,
    [appId, collapseKey, id, sendAt],
  )
  return rows.map(it => it.id)
}

function recallOf(
  { id }: MessageKey,
  recalled: Recalled & { readonly later: readonly string[] },
  content: Content | undefined,
): NewMessage {
  const { target, ttlSeconds, lane, collapseKey, later } = recalled
  const lanes = Object.entries(LANES) as [keyof typeof LANES, number][]
  return {
    // Those who were named are read when it is planned, so that the whole base is not gone through for a few.
    to: isNamed(target) ? target : { condition: whoGot(id, later) },
    content: content ?? { silent: true, root: { [RECALLED]: hashOf(id) } },
    // Without a key of the sender's the hash, as the gateways' payloads have it.
    collapseKey: collapseKey ?? hashOf(id),
    ttlSeconds,
    lane: lanes.find(([, it]) => it === lane)?.[0],
    rules: { kind: 'transactional' },
  }
}

function isNamed(target: Target): target is Extract<Target, { devices: unknown } | { users: unknown }> {
  return 'devices' in target || 'users' in target
}

/** Whoever has opened it has seen it, and it has gone from their screen. */
function whoGot(message: string, later: readonly string[]): Condition {
  const isReplaced = later.map(it => ({ not: { message: it, was: 'accepted' } }) as const)
  return { and: [{ message, was: 'accepted' }, { not: { message, was: 'opened' } }, ...isReplaced] }
}

/**
 * In the planning of a recall: of those who were named, the devices that got the message. Users are asked for the devices that
 * they have now: what was theirs and is somebody else's is left alone (R25).
 */
export async function narrowRecall(
  tx: Queryable,
  recall: {
    readonly id: string
    readonly appId: number
    readonly recallOf: string
    readonly target: Target
    readonly at: number
  },
): Promise<Target> {
  const { id, appId, recallOf: message, target, at } = recall
  if (!isNamed(target)) return target
  const recalled = await readRecalled(tx, { appId, id: message })
  const condition = whoGot(message, await readLater(tx, { appId, id: message }, recalled))
  const scope = await readScope(tx, { appId, condition, at, isOfSamePerson: await hasWords(tx, id) })
  const values: unknown[] = [appId, ...namesOf(target)]
  const { sql, values: more } = compileAccepted(condition, { firstParameter: values.length + 1, scope })
  const { rows } = await tx.query<{ hwid: string }>(
    `select d.hwid from ${'users' in target ? OF_USERS : OF_HWIDS} and ${sql}`,
    [...values, ...more],
  )
  const narrowed = { devices: rows.map(it => it.hwid) }
  await tx.query('update message set target = $2 where id = $1', [id, JSON.stringify(narrowed)])
  return narrowed
}

/** It replaces; without it asks apps silently to take away. */
async function hasWords(tx: Queryable, recall: string): Promise<boolean> {
  const { rowCount } = await tx.query("select from message where id = $1 and not content ? 'silent'", [
    recall,
  ])
  return rowCount > 0
}

const OF_HWIDS = `unnest($2::smallint[], $3::text[]) as i (bucket, hwid)
  join device d on d.bucket = i.bucket and d.app_id = $1 and d.hwid = i.hwid where true`
const OF_USERS = 'device d where d.app_id = $1 and d.user_id = any($2::text[])'

function namesOf(target: Extract<Target, { devices: unknown } | { users: unknown }>): unknown[] {
  if ('users' in target) return [target.users]
  const hwids = [...new Set(target.devices)]
  return [hwids.map(bucketOf), hwids]
}
