/**
 * Ending a message from outside: `cancelMessage` stops what has not been sent, `deleteMessage` takes it out of the inboxes
 * as well. One that has ended already is as it should be.
 */
import { PushError } from '@roost/protocol'
import { withdrawFromInboxes } from '../../../inbox/open.ts'
import type { Database } from '../../../store/database.ts'

export interface Ending {
  readonly id: string
  readonly isWithdrawn: boolean
  readonly at: number
}

/** Throws `input_invalid` for a message that is being sent. */
export async function endMessage(db: Database, { id, isWithdrawn, at }: Ending): Promise<void> {
  await db.transaction(async tx => {
    const { rows } = await tx.query<{ state: string }>('select state from message where id = $1 for update', [
      id,
    ])
    const state = rows[0]?.state
    if (state === 'sending' || state === 'paused')
      throw new PushError(
        'input_invalid',
        'request.message: it is being sent, and can not be stopped by this call',
      )
    if (state === 'scheduled')
      await tx.query("update message set state = 'cancelled', finished_at = $2 where id = $1", [
        id,
        new Date(at),
      ])
    if (isWithdrawn) await withdrawFromInboxes(tx, { messageId: id, at })
  })
}
