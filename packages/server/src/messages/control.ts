/**
 * Pausing, resuming and cancelling a message, at any time. The state is changed here; workers hear of it at once by a notice,
 * look at it before each chunk, and once a second while one is in hand.
 *
 *   scheduled ◀──resume── paused      scheduled, sending, paused ──cancel──▶ cancelled
 *       └──────pause──────▶  ▲  │
 *   sending ─────pause───────┘  └─resume─▶ sending
 *
 * One that is paused while the last of it is in hand is done when that is booked. What was not sent of a cancelled message is
 * counted as skipped (dispatch/wind-up.ts), and then it has finished.
 */
import { type MessageState, PushError } from '@roost/protocol'
import type { Database, Queryable } from '../store/database.ts'

export interface MessageKey {
  readonly appId: number
  readonly id: string
}

export interface Controlled {
  readonly state: MessageState
  readonly isPlanned: boolean
}

const OVER: ReadonlySet<MessageState> = new Set(['done', 'cancelled'])

/** One that is paused stays so. Throws `message_unknown`, `message_over`. */
export async function pauseMessage(db: Database, key: MessageKey): Promise<void> {
  await control(db, key, async (tx, { state }) => {
    if (OVER.has(state)) throw over(key, state)
    await setState(tx, key, 'paused')
  })
}

/** One that is not paused goes on as it does. Throws `message_unknown`, `message_over`. */
export async function resumeMessage(db: Database, key: MessageKey): Promise<void> {
  await control(db, key, async (tx, { state, isPlanned }) => {
    if (OVER.has(state)) throw over(key, state)
    if (state === 'paused') await setState(tx, key, isPlanned ? 'sending' : 'scheduled')
  })
}

/** What was sent stays sent. Throws `message_unknown`, and `message_over` when it is done. */
export async function cancelMessage(db: Database, key: MessageKey, at: number): Promise<void> {
  await control(db, key, (tx, found) => cancelIn(tx, { key, found, at }))
}

/** In the transaction of `lockMessage`. Throws `message_over` when it is done. */
export async function cancelIn(
  tx: Queryable,
  { key, found, at }: { readonly key: MessageKey; readonly found: Controlled; readonly at: number },
): Promise<void> {
  if (found.state === 'done') throw over(key, found.state)
  if (found.state === 'cancelled') return
  // Without a plan there is nobody to count.
  await tx.query("update message set state = 'cancelled', finished_at = $2 where id = $1", [
    key.id,
    found.isPlanned ? null : new Date(at),
  ])
}

async function control(
  db: Database,
  key: MessageKey,
  change: (tx: Queryable, found: Controlled) => Promise<void>,
): Promise<void> {
  await db.transaction(async tx => {
    await change(tx, await lockMessage(tx, key))
    tx.announce('control')
  })
}

/** Until the end of the transaction nobody plans or changes it. Throws `message_unknown`. */
export async function lockMessage(tx: Queryable, { appId, id }: MessageKey): Promise<Controlled> {
  const { rows } = await tx.query<Controlled>(
    `select state, planned_at is not null as "isPlanned" from message where app_id = $1 and id = $2 for no key update`,
    [appId, id],
  )
  const found = rows[0]
  if (found === undefined) throw new PushError('message_unknown', `this app has no message ${id}`)
  return found
}

async function setState(tx: Queryable, { id }: MessageKey, state: MessageState): Promise<void> {
  await tx.query('update message set state = $2 where id = $1', [id, state])
}

function over({ id }: MessageKey, state: MessageState): PushError {
  return new PushError('message_over', `message ${id} is ${state}`)
}
