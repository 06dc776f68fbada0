/**
 * What happens once a gateway has taken it. No server sees that: what the device has told of this message and of others, and when it was
 * heard of, makes some of it likely.
 */
import type { Facts } from '../facts.ts'
import { evidence, type Judgement, likely, possible, proven, RULED_OUT, type Rule } from '../rule.ts'
import { acceptanceOf, hasTold, isAfter } from '../standing.ts'

export const DISPLAYED_RULES: readonly Rule[] = [
  { id: 'DX-87', stage: 'displayed', judge: judgeDisplay },
  { id: 'DX-89', stage: 'opened', judge: judgeLanding },
]

export const ARRIVAL_RULES: readonly Rule[] = [
  { id: 'DX-81', stage: 'received', judge: judgeReplaced },
  { id: 'DX-83', stage: 'received', judge: judgeDropped },
  { id: 'DX-86', stage: 'received', judge: judgeSilence },
  { id: 'DX-80', stage: 'received', judge: judgeLife },
  { id: 'DX-82', stage: 'received', judge: judgeOffline },
  { id: 'DX-84', stage: 'received', judge: judgeSilentPush },
  { id: 'DX-85', stage: 'received', judge: judgeSandbox },
  { id: 'DX-88', stage: 'received', judge: judgeCounting },
]

const ARRIVED = ['delivered', 'displayed', 'opened'] as const

/** Taken by a gateway, and nothing heard of since; undefined when that is not the question. */
function unheardOf(facts: Facts): { readonly at: string } | undefined {
  const accepted = acceptanceOf(facts)
  return accepted === undefined || facts.device === null || hasTold(facts, ...ARRIVED) ? undefined : accepted
}

function judgeDisplay(facts: Facts): Judgement {
  if (acceptanceOf(facts) === undefined) return null
  if (hasTold(facts, 'displayed', 'opened', 'dismissed')) return RULED_OUT
  if (!hasTold(facts, 'delivered')) return null
  const receipt = facts.message?.trace.receipts[0]
  const find = facts.lately.some(it => it.wasDisplayed) ? likely : possible
  return find('DX-87', {}, evidence('receipt', receipt?.at ?? null, { kind: receipt?.kind }))
}

/** Only where the app has told of pages that were reached: few do. */
function judgeLanding(facts: Facts): Judgement {
  const { message } = facts
  if (message?.content.url === undefined || !hasTold(facts, 'opened')) return null
  if (hasTold(facts, 'landed')) return RULED_OUT
  const opened = message.trace.receipts.find(it => it.kind === 'opened')
  return possible(
    'DX-89',
    {},
    evidence('receipt', opened?.at ?? null, { kind: 'opened', url: message.content.url }),
  )
}

function judgeReplaced(facts: Facts): Judgement {
  const accepted = unheardOf(facts)
  if (accepted === undefined || facts.message?.collapseKey == null) return null
  const { replacedBy, collapseKey } = facts.message
  if (replacedBy === null) return null // only some of the later ones are looked at
  const { at, messageId } = replacedBy
  return likely('DX-81', { at }, evidence('delivery', at, { message: messageId, collapseKey }))
}

/** What the app posts as an event when its system tells it (docs/diagnosis.md). */
function judgeDropped(facts: Facts): Judgement {
  const accepted = unheardOf(facts)
  const { device, address } = facts
  if (accepted === undefined || device === null || address?.provider !== 'fcm') return null
  const { messagesDeletedAt } = device
  if (messagesDeletedAt !== null && isAfter(messagesDeletedAt, accepted.at))
    return likely(
      'DX-83.deleted',
      { at: messagesDeletedAt },
      evidence('device', messagesDeletedAt, { event: 'messages_deleted', acceptedAt: accepted.at }),
    )
  return possible('DX-83', {}, evidence('delivery', accepted.at, { outcome: 'accepted' }))
}

/** In a row, and the device was heard of before the first of them last. */
const UNTOLD_IN_A_ROW = 3

function judgeSilence(facts: Facts): Judgement {
  const { device, lately, address } = facts
  if (device === null || address === null) return null
  if (facts.message !== null && unheardOf(facts) === undefined) return null
  const told = lately.findIndex(it => it.hasReceipt)
  const untold = told < 0 ? lately : lately.slice(0, told)
  const first = untold.at(-1)
  // Who never told of any message may not know how to.
  if (first === undefined || untold.length < UNTOLD_IN_A_ROW || told < 0) return ruledOutByACall(facts)
  if (isAfter(device.lastSeenAt, first.at)) return ruledOutByACall(facts)
  return likely(
    'DX-86',
    { messages: untold.length },
    evidence('delivery', first.at, { acceptedWithoutReceipt: untold.length, lastSeenAt: device.lastSeenAt }),
    evidence('receipt', lately[told]?.at ?? null, { lastMessageWithReceipt: lately[told]?.messageId }),
  )
}

/** Who called in after an acceptance had the app then; whether it has it now no call tells. */
function ruledOutByACall(facts: Facts): Judgement {
  const accepted = acceptanceOf(facts)
  return accepted !== undefined && isHeardOfSince(facts, accepted.at) ? RULED_OUT : null
}

/** Silence tells something of a device that tells of messages else, and little of another one. */
function doesTell({ lately }: Facts): typeof likely {
  return lately.some(it => it.hasReceipt) ? likely : possible
}

function isHeardOfSince({ device }: Facts, at: string): boolean {
  return device !== null && isAfter(device.lastSeenAt, at)
}

function judgeLife(facts: Facts): Judgement {
  const accepted = unheardOf(facts)
  const { message, device } = facts
  if (accepted === undefined || message === null || device === null) return null
  const { expiresAt } = message
  if (Date.parse(expiresAt) > facts.at) return RULED_OUT
  const { lastSeenAt } = device
  const wasHeard = isAfter(lastSeenAt, accepted.at) && !isAfter(lastSeenAt, expiresAt)
  if (wasHeard) return RULED_OUT
  return doesTell(facts)(
    'DX-80',
    { expiresAt },
    evidence('device', lastSeenAt, { lastSeenAt, acceptedAt: accepted.at, expiresAt }),
  )
}

function judgeOffline(facts: Facts): Judgement {
  const accepted = unheardOf(facts)
  const { message, device } = facts
  if (accepted === undefined || message === null || device === null) return null
  if (isHeardOfSince(facts, accepted.at)) return RULED_OUT
  if (Date.parse(message.expiresAt) <= facts.at) return null // then its life is the question
  return doesTell(facts)('DX-82', {}, evidence('device', device.lastSeenAt, { acceptedAt: accepted.at }))
}

function judgeSilentPush(facts: Facts): Judgement {
  const { message, address } = facts
  if (unheardOf(facts) === undefined || address?.provider !== 'apns') return null
  if (message?.content.silent !== true) return RULED_OUT
  return likely('DX-84', {}, evidence('message', message.sendAt, { silent: true }))
}

function judgeSandbox(facts: Facts): Judgement {
  const { address } = facts
  if (unheardOf(facts) === undefined || address?.provider !== 'apns') return null
  if (address.environment !== 'sandbox') return RULED_OUT
  return possible('DX-85', {}, evidence('address', address.stateSince, { environment: 'sandbox' }))
}

function judgeCounting(facts: Facts): Judgement {
  const { device, lately, message } = facts
  const accepted = acceptanceOf(facts)
  if (accepted === undefined || device === null || message === null) return null
  if (hasTold(facts, 'opened') && !hasTold(facts, 'delivered')) {
    const opened = message.trace.receipts.find(it => it.kind === 'opened')
    return proven('DX-88', {}, evidence('receipt', opened?.at ?? null, { kind: 'opened' }))
  }
  if (hasTold(facts, ...ARRIVED)) return RULED_OUT
  if (lately.some(it => it.hasReceipt)) return null
  // A device that calls in after the acceptance is alive, so the lack of a word says nothing.
  if (!isHeardOfSince(facts, accepted.at)) return null
  return likely(
    'DX-88.never',
    {},
    evidence('device', device.lastSeenAt, { messagesWithoutReceipt: lately.length }),
  )
}
