/** How far the message itself has come: paused, cancelled, recalled, not due, held up by its pace or by a queue that stands still. */
import type { Facts } from '../facts.ts'
import { evidence, type Judgement, likely, proven, RULED_OUT, type Rule } from '../rule.ts'
import { acceptanceOf, hasTold, saidFor } from '../standing.ts'

/** A worker looks twice a second, and takes over what a dead one had within some 20 seconds. */
const STANDS_STILL_MS = 2 * 60_000

export const COURSE_RULES: readonly Rule[] = [
  { id: 'DX-26', stage: 'queued', judge: judgeState },
  { id: 'DX-73', stage: 'queued', judge: judgeQueue },
  { id: 'DX-57', stage: 'queued', judge: judgePace },
  { id: 'DX-29', stage: 'queued', judge: judgeTime },
]

function judgeState(facts: Facts): Judgement {
  const { message } = facts
  if (message === null) return null
  const { state, trace, recalledAt, sendAt, expiresAt } = message
  if (state === 'paused' && (trace.outcome === 'pending' || trace.outcome === 'waiting'))
    return proven('DX-26.paused', {}, evidence('message', null, { state, sendAt }))
  const said = saidFor(facts, 'DX-26')
  if (said?.key === 'DX-26.expired') return proven('DX-26.expired', { expiresAt }, said.evidence)
  if (said !== undefined && recalledAt === null) return proven('DX-26.cancelled', {}, said.evidence)
  if (recalledAt === null || hasTold(facts, 'opened', 'displayed')) return RULED_OUT
  const told = evidence('message', recalledAt, { recalled: true })
  if (said !== undefined) return proven('DX-26.recalled', {}, said.evidence, told)
  // What a gateway has taken may have been seen before it was taken away.
  return acceptanceOf(facts) === undefined ? RULED_OUT : likely('DX-26.recalled', {}, told)
}

/** What is due and waits for nothing, while no worker has anything in hand: with many messages each waits for its turn. */
function judgeQueue({ message, at }: Facts): Judgement {
  if (message === null) return null
  const { trace, state, sendAt, batch, areWorkersAlive } = message
  if (trace.outcome !== 'pending' && trace.outcome !== 'waiting') return RULED_OUT
  const dueAt = state === 'scheduled' ? sendAt : (trace.nextTryAt ?? batch?.dueAt ?? '')
  const reason = batch?.heldReason ?? null
  const told = evidence('queue', dueAt, { state, batch: batch?.state, reason, areWorkersAlive })
  if (reason === 'internal_error') return proven('DX-73', { dueAt }, told)
  const isLate = at - Date.parse(dueAt) > STANDS_STILL_MS
  const isWaiting = state === 'paused' || batch?.state === 'held' || batch?.pacedBy != null
  return isLate && !isWaiting && !areWorkersAlive ? proven('DX-73', { dueAt }, told) : RULED_OUT
}

function judgeTime(facts: Facts): Judgement {
  const { message, at } = facts
  if (message === null) return null
  const { trace, state, sendAt, plannedAt, isByClock, batch } = message
  const passed = saidFor(facts, 'DX-29')
  if (passed !== undefined) return proven('DX-29.passed', {}, passed.evidence)
  if (trace.outcome !== 'pending' && trace.outcome !== 'waiting') return RULED_OUT
  const told = evidence('message', null, { state, sendAt, plannedAt, dueAt: batch?.dueAt })
  if (state === 'paused') return null
  if (batch?.isRest === true && batch.state === 'waiting') return proven('DX-29.winner', {}, told)
  if (isByClock && (batch === null || Date.parse(batch.dueAt) > at)) return proven('DX-29.clock', {}, told)
  if (plannedAt === null && Date.parse(sendAt) > at) return proven('DX-29.scheduled', { dueAt: sendAt }, told)
  return trace.outcome === 'pending' && batch?.pacedBy == null ? proven('DX-29.pending', {}, told) : RULED_OUT
}

function judgePace({ message, at }: Facts): Judgement {
  const batch = message?.batch
  if (message === null || batch == null) return null
  const { pacedBy, paceOpenAt } = batch
  if (pacedBy === null || message.trace.outcome !== 'pending') return RULED_OUT
  const told = evidence('queue', paceOpenAt, {
    pace: pacedBy,
    isOpen: paceOpenAt === null || Date.parse(paceOpenAt) <= at,
  })
  if (pacedBy.startsWith('message:')) return proven('DX-57', { perSecond: message.sendRate ?? 0 }, told)
  return proven('DX-57.quota', { pace: pacedBy }, told)
}
