/**
 * A message from its sender: stored before its id is told, and where it names few devices or users planned in the same
 * transaction, since somebody waits for it (a code to sign in, a call): docs/performance.md, "A message to one device".
 */
import { type Created, type Creation, createOrRepeat } from '../messages/create.ts'
import type { Database, Transaction } from '../store/database.ts'
import { finishMessages } from './lease.ts'
import { canPlanAtOnce, planAtOnce } from './plan.ts'

export interface Accepted {
  readonly created: Created
  /** What of it is due now. */
  readonly due: 'plan' | 'send'
}

/** Makes an error of the message at that place what its sender is told. */
export type ToldFault = (error: unknown, index: number) => unknown

const asItIs: ToldFault = error => error

/** All of them or, when one can't be, none. In their order. Throws as `createMessage` does, in the words of `told`. */
export async function acceptMessages(
  db: Database,
  messages: readonly Creation[],
  told: ToldFault = asItIs,
): Promise<Accepted[]> {
  const accepted = await db.transaction(async tx => {
    const all: AcceptedHere[] = []
    for (const [i, message] of messages.entries())
      all.push(
        await acceptHere(tx, message).catch(error => {
          throw told(error, i)
        }),
      )
    return all
  })
  // One that reaches nobody is done.
  const unwanted = messages.find((_, i) => accepted[i]?.isForSomebody === false)
  if (unwanted !== undefined) await finishMessages(db, unwanted.at)
  return accepted
}

interface AcceptedHere extends Accepted {
  readonly isForSomebody: boolean
}

async function acceptHere(tx: Transaction, message: Creation): Promise<AcceptedHere> {
  const { appId, input, at } = message
  const { created, isNew } = await createOrRepeat(tx, message)
  if (!canPlanAtOnce(input, at)) return { created, due: 'plan', isForSomebody: true }
  const isForSomebody = !isNew || (await planAtOnce(tx, { id: created.id, appId, input, at }))
  return { created, due: 'send', isForSomebody }
}
