/** What the person has decided about a call, by a page or by a button of its notification: all pages of the browser stop ringing then. */
import { answerCall, type CallAnswer } from '../core/calls.ts'
import { type Environment, transport } from './browser.ts'
import { tell } from './tabs.ts'

/** As `answerCall`. */
export async function answer(
  { store }: Pick<Environment, 'store'>,
  id: string,
  given: CallAnswer,
): Promise<'taken' | 'over'> {
  const said = await answerCall({ store, transport }, id, given)
  if (said === 'taken') tell({ type: 'answered', id, answer: given })
  return said
}
