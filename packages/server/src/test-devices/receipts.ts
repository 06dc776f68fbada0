/**
 * Receipts of test pushes. A test push is no message, so the statistics know nothing of it; its receipts go to its invitation. They are told
 * from all others by their hash alone: ids of messages are UUIDs of version 7, those of test pushes of version 4.
 */
import type { Database } from '../store/database.ts'
import { type Invitation, noteStep } from './invitations.ts'
import { done } from './steps.ts'

export interface TestReceipt {
  readonly appId: number
  readonly hwid: string
  /** Of the push. */
  readonly messageId: string
  readonly kind: string
  readonly at: number
}

const VERSION_AT = 14

export function isOfTestPush({ messageId }: Pick<TestReceipt, 'messageId'>): boolean {
  return messageId.charAt(VERSION_AT) === '4'
}

/** Of a push that no invitation has sent it changes nothing; only the first of a kind counts. */
export async function noteTestReceipts(db: Database, receipts: readonly TestReceipt[]): Promise<void> {
  const { rows } = await db.query<{ deliveryId: string }>(
    'select delivery_id as "deliveryId" from test_invitation where delivery_id = any($1::uuid[])',
    [receipts.map(it => it.messageId)],
  )
  const sent = new Set(rows.map(it => it.deliveryId))
  for (const receipt of receipts) if (sent.has(receipt.messageId)) await note(db, receipt)
}

async function note(db: Database, { messageId, appId, hwid, kind, at }: TestReceipt): Promise<void> {
  const step = kind === 'opened' ? 'opened' : 'received'
  await db.transaction(async tx => {
    const { rows } = await tx.query<Pick<Invitation, 'id' | 'steps'>>(
      'select id, steps from test_invitation where delivery_id = $1 and app_id = $2 and hwid = $3 for update',
      [messageId, appId, hwid],
    )
    const [invitation] = rows
    if (invitation === undefined || invitation.steps[step]?.state === 'done') return
    await noteStep(tx, invitation, step, done(at))
  })
}
