/**
 * A message from its sender: stored before its id is told, and where it names few devices or users planned in the same
 * transaction, since somebody waits for it (a code to sign in, a call): docs/performance.md, "A message to one device".
 */
import { type Created, type Creation, createMessage, createOrRepeat } from '../messages/create.ts'
import type { Database } from '../store/database.ts'
import { finishMessages } from './lease.ts'
import { canPlanAtOnce, planAtOnce } from './plan.ts'

export interface Accepted {
  readonly created: Created
  /** What of it is due now. */
  readonly due: 'plan' | 'send'
}

/** Throws as `createMessage` does. */
export async function acceptMessage(db: Database, message: Creation): Promise<Accepted> {
  const { appId, input, at } = message
  if (!canPlanAtOnce(input, at)) return { created: await createMessage(db, message), due: 'plan' }
  const { created, isForSomebody } = await db.transaction(async tx => {
    const { created, isNew } = await createOrRepeat(tx, message)
    return { created, isForSomebody: !isNew || (await planAtOnce(tx, { id: created.id, appId, input, at })) }
  })
  if (!isForSomebody) await finishMessages(db, at) // one that reaches nobody is done
  return { created, due: 'send' }
}
