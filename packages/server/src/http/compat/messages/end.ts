/**
 * Ending a message from outside: `cancelMessage` stops what has not been sent, `deleteMessage` takes it out of the inboxes
 * as well. One that has ended already is as it should be.
 */
import { PushError } from '@roost/protocol'
import { withdrawFromInboxes } from '../../../inbox/open.ts'
import { cancelMessage } from '../../../messages/control.ts'
import type { Database } from '../../../store/database.ts'

export interface Ending {
  readonly appId: number
  readonly id: string
  readonly isWithdrawn: boolean
  readonly at: number
}

export async function endMessage(db: Database, { appId, id, isWithdrawn, at }: Ending): Promise<void> {
  await cancelMessage(db, { appId, id }, at).catch(ignoreOver)
  if (isWithdrawn) await withdrawFromInboxes(db, { messageId: id, at })
}

function ignoreOver(error: unknown): void {
  if (!(error instanceof PushError && error.code === 'message_over')) throw error
}
