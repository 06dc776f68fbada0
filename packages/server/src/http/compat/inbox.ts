/**
 * The inbox in the device protocol. Field types are those that clients need, not those of the protocol's documentation:
 * `action_type` is a number, `action_params` a JSON string, `rt` (kept until) and `send_date` are Unix seconds as strings,
 * and iOS drops a message that lacks one of inbox_id, order, rt, text, action_type, status.
 *
 * `inbox_id` and `order` are one and the same number, so it does not matter which of them a client keeps or sends back.
 */
import { compatInboxSchema, compatInboxStatusSchema } from '@roost/protocol'
import { readInbox, type ShownEntry } from '../../inbox/content.ts'
import { claimedUser, type InboxKey, isUnread } from '../../inbox/read.ts'
import { messageIdOfNumber, STATUS, setInboxState } from '../../inbox/states.ts'
import { messageIdOf } from '../../insight/receipts.ts'
import { type Call, type CompatMethod, method } from './call.ts'

/** What happens at a tap. */
const ACTION = { none: 0, url: 2, deepLink: 3 } as const

interface Caller {
  readonly hwid: string
  readonly userId?: string | null | undefined
}

function keyOf({ app, context }: Call, caller: Caller): InboxKey {
  const { hwid } = caller
  return { appId: app.id, hwid, at: context.clock.now(), claimedUserId: claimedUser(caller) }
}

/** Newest first. `next` is empty on the last page, so that a client that keeps it begins at the newest again. */
export const getInboxMessages: CompatMethod = method(compatInboxSchema, async call => {
  const { shown, gone } = await readInbox(call.context.db, keyOf(call, call.request))
  const page = pageOf(shown, call.request)
  const last = page.at(-1)
  return {
    messages: page.map(messageOf),
    next: last === undefined || last === shown.at(-1) ? '' : String(last.entry.number),
    deleted: gone.map(it => String(it.number)),
    new_inbox: shown.filter(it => isUnread(it.entry)).length,
  }
})

function pageOf(
  shown: readonly ShownEntry[],
  { count, last_code }: { readonly count: number; readonly last_code?: string | undefined },
): readonly ShownEntry[] {
  const before = /^\d{1,15}$/.test(last_code ?? '') ? Number(last_code) : Number.POSITIVE_INFINITY
  const rest = shown.filter(it => it.entry.number < before)
  return count === 0 ? rest : rest.slice(0, count)
}

function messageOf({ entry, content }: ShownEntry): Record<string, unknown> {
  const { url } = content
  return {
    inbox_id: String(entry.number),
    order: String(entry.number),
    rt: unixSeconds(entry.untilAt),
    send_date: unixSeconds(entry.shownAt),
    title: content.title ?? '',
    text: content.body ?? content.title ?? '',
    image: content.image ?? '',
    action_type: url === undefined ? ACTION.none : /^https?:/i.test(url) ? ACTION.url : ACTION.deepLink,
    action_params: JSON.stringify({
      ...(url !== undefined && { l: url }),
      ...(content.data !== undefined && { u: content.data }),
    }),
    status: entry.status ?? STATUS.delivered,
    hash: content.hash,
  }
}

function unixSeconds(iso: string): string {
  return String(Math.floor(Date.parse(iso) / 1000))
}

/** What names no message of this inbox, or no state, is no error: clients repeat these calls for days. */
export const inboxStatus: CompatMethod = method(compatInboxStatusSchema, async call => {
  const { app, context, request } = call
  const { status, inbox_code: code } = request
  if (status === undefined) return null
  const byHash = messageIdOf(request.hash ?? '')
  const messageId =
    byHash ??
    (/^\d{1,15}$/.test(code ?? '')
      ? await messageIdOfNumber(context.db, { appId: app.id, number: Number(code) })
      : null)
  if (messageId !== null) await setInboxState(context.db, { ...keyOf(call, request), messageId, status })
  return null
})
