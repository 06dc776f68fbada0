/**
 * What FCM holds for an Android app that is offline: the newest message of each of four collapse keys, and a hundred
 * others. One more than a hundred, and all are thrown away: the app is told that messages were deleted.
 *
 * Source: Firebase, "Message collapse" and "Lifetime of a message". Which four keys stay is not fixed; here the newest.
 */
import type { AcceptedPush } from '../gateway/air.ts'
import type { HeldPush, StorageRule } from '../gateway/mailbox.ts'

const MAX_COLLAPSE_KEYS = 4
const MAX_OTHERS = 100

export const FCM_STORAGE: StorageRule = {
  maxSeconds: 28 * 86_400,
  keep: (held, next) =>
    next.push.collapseKey === undefined ? keepOther(held, next) : keepNewest(held, next),
}

function keepOther(held: readonly HeldPush[], next: HeldPush): readonly HeldPush[] {
  const others = held.filter(({ push }) => push.collapseKey === undefined)
  return others.length < MAX_OTHERS ? [...held, next] : [{ ...next, push: deletedMessages(next.push) }]
}

function keepNewest(held: readonly HeldPush[], next: HeldPush): readonly HeldPush[] {
  const kept = held.filter(({ push }) => push.collapseKey !== next.push.collapseKey)
  const keyed = kept.filter(({ push }) => push.collapseKey !== undefined)
  const [oldest] = keyed.length < MAX_COLLAPSE_KEYS ? [] : keyed
  return [...kept.filter(one => one !== oldest), next]
}

/** What the app's `onDeletedMessages` is called for. */
function deletedMessages(push: AcceptedPush): AcceptedPush {
  return { ...push, payload: { message_type: 'deleted_messages' }, hash: undefined }
}
