/**
 * Changing a message of which nothing has left yet: all that was asked for is replaced in place, and its id stays.
 *
 * Its row is locked, and planning (dispatch/plan.ts) takes none that is: so what goes out is the message as it was or as it is now, whole,
 * and never both. One that has begun by the time of the change goes on as it was, and the change is refused.
 */
import { type MessageState, type NewMessage, PushError } from '@roost/protocol'
import { withSegmentId } from '../audience/segments.ts'
import type { Database, Queryable } from '../store/database.ts'
import { lockMessage, type MessageKey } from './control.ts'
import { ASKED_COLUMNS, askedOf, findFault, hashOfInput } from './create.ts'
import type { ImageVerdict } from './images.ts'

export interface Edit {
  readonly key: MessageKey
  /** All of the message as it is to be; what it lacks is as in a new one. */
  readonly input: NewMessage
  readonly images?: ImageVerdict | undefined
  readonly at: number
  /** Asked with the message locked: throws when somebody else has changed it. */
  readonly unchanged?: ((tx: Queryable) => Promise<void>) | undefined
}

const SET = `
  update message
     set (${ASKED_COLUMNS.join(', ')}, edit_hash) = (${[...ASKED_COLUMNS, ''].map((_, i) => `$${i + 2}`).join(', ')})
   where id = $1`

/**
 * A repeat of the change that was made last changes nothing, also when the message has begun since. Throws `message_unknown`,
 * `message_not_editable`, what `unchanged` throws, and what createMessage throws of such a message.
 */
export async function editMessage(
  db: Database,
  { key, images, at, unchanged, ...edit }: Edit,
): Promise<void> {
  await db.transaction(async tx => {
    const { state, isPlanned } = await lockMessage(tx, key)
    const hash = hashOfInput(edit.input)
    const found = await readStanding(tx, key)
    if (found.editHash?.equals(hash)) return
    const refusal = refusalOf({ ...found, state, isPlanned })
    if (refusal !== undefined) throw new PushError('message_not_editable', `message ${key.id} ${refusal}`)
    await unchanged?.(tx)
    const { appId, id } = key
    const input = { ...edit.input, to: await withSegmentId(tx, { appId, to: edit.input.to }) }
    const fault = await findFault(tx, { appId, id, input, at, images })
    if (fault !== undefined) throw fault
    await tx.query(SET, [id, ...askedOf(input, { at, images }), hash])
  })
}

interface Standing {
  readonly editHash: Buffer | null
  readonly isRecall: boolean
  readonly isTriggered: boolean
}

async function readStanding(tx: Queryable, { id }: MessageKey): Promise<Standing> {
  const { rows } = await tx.query<Standing>(
    `select edit_hash as "editHash", recall_of is not null as "isRecall", trigger is not null as "isTriggered"
       from message where id = $1`,
    [id],
  )
  return rows[0] as Standing
}

/** What keeps it from being changed; undefined when nothing does. */
function refusalOf({
  state,
  isPlanned,
  isRecall,
  isTriggered,
}: Standing & { readonly state: MessageState; readonly isPlanned: boolean }): string | undefined {
  if (isRecall) return 'is a recall, which goes to those who got what it recalls'
  if (isTriggered) return 'is what a trigger sends; change the trigger'
  if (state === 'done' || state === 'cancelled') return `is ${state}`
  return isPlanned ? 'has begun to be sent' : undefined
}
