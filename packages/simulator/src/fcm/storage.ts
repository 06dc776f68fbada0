/**
 * What FCM holds for an Android app that is offline: the newest message of each of four collapse keys, and a hundred
 * others. One more than a hundred, and all are thrown away: the app is told that messages were deleted.
 *
 * A notification without a collapse key has the app's own, so that a newer one takes its place; data without one has none.
 * Source: Firebase, "Message collapse" and "Lifetime of a message". Which four keys stay is not fixed; here the newest.
 */
import type { AcceptedPush } from '../gateway/air.ts'
import type { HeldPush, StorageRule } from '../gateway/mailbox.ts'

const MAX_COLLAPSE_KEYS = 4
const MAX_OTHERS = 100

export const FCM_STORAGE: StorageRule = {
  maxSeconds: 28 * 86_400,
  keep: (held, next) => (keyOf(next) === undefined ? keepOther(held, next) : keepNewest(held, next)),
}

/** In place of the package's name, which is not known of every token: a token belongs to one app. */
const KEY_OF_APP = Symbol('the key of the app')

function keyOf({ push }: HeldPush): string | symbol | undefined {
  return push.collapseKey ?? (push.payload?.notification === undefined ? undefined : KEY_OF_APP)
}

function keepOther(held: readonly HeldPush[], next: HeldPush): readonly HeldPush[] {
  const others = held.filter(older => keyOf(older) === undefined)
  return others.length < MAX_OTHERS ? [...held, next] : [{ ...next, push: deletedMessages(next.push) }]
}

function keepNewest(held: readonly HeldPush[], next: HeldPush): readonly HeldPush[] {
  const kept = held.filter(older => keyOf(older) !== keyOf(next))
  const keyed = kept.filter(older => keyOf(older) !== undefined)
  const [oldest] = keyed.length < MAX_COLLAPSE_KEYS ? [] : keyed
  return [...kept.filter(one => one !== oldest), next]
}

/** What the app's `onDeletedMessages` is called for. */
function deletedMessages(push: AcceptedPush): AcceptedPush {
  return { ...push, payload: { message_type: 'deleted_messages' }, hash: undefined }
}
