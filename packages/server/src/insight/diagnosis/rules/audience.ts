/** Whether the device was meant: the audience, its segments and their snapshots, users, experiments. */
import type { Facts, SegmentFacts } from '../facts.ts'
import { evidence, type Judgement, likely, proven, RULED_OUT, type Rule } from '../rule.ts'
import {
  endedAddress,
  hadNone,
  isAfter,
  isAsThen,
  isToCome,
  momentOf,
  optedOutAt,
  ruledOutOnceOver,
  saidFor,
  wasNotSent,
} from '../standing.ts'

export const AUDIENCE_RULES: readonly Rule[] = [
  { id: 'DX-30', stage: 'targeted', judge: judgeApp },
  { id: 'DX-31', stage: 'targeted', judge: judgeKnown },
  { id: 'DX-24', stage: 'targeted', judge: judgeLate },
  { id: 'DX-23', stage: 'targeted', judge: judgeLogin },
  { id: 'DX-43', stage: 'targeted', judge: judgeLogout },
  { id: 'DX-27', stage: 'targeted', judge: judgeChosen },
  { id: 'DX-22', stage: 'targeted', judge: judgeRun },
  { id: 'DX-21', stage: 'targeted', judge: judgeSnapshot },
  { id: 'DX-20', stage: 'targeted', judge: judgeAudience },
  { id: 'DX-28', stage: 'targeted', judge: judgeDuplicate },
  { id: 'DX-25', stage: 'policy', judge: judgeControl },
]

function judgeApp({ device, otherApps }: Facts): Judgement {
  if (device !== null) return RULED_OUT
  const [first] = otherApps
  if (first === undefined) return null
  return proven(
    'DX-30',
    { app: otherApps.join(', ') },
    evidence('app', null, { knownIn: otherApps.join(', ') }),
  )
}

function judgeKnown({ device, asked }: Facts): Judgement {
  if (device !== null) return RULED_OUT
  // A registration that was refused leaves no record of a device that is not known.
  const find = asked === 'user' ? proven : likely
  return find(`DX-31.${asked}`, {}, evidence('device', null, { isKnown: false }))
}

function judgeLate(facts: Facts): Judgement {
  const { message, device } = facts
  if (message?.plannedAt == null || device === null) return null
  const { plannedAt, trace } = message
  const { firstSeenAt } = device
  const isMissed = wasNotSent(facts) || trace.reason === 'device_unknown'
  if (!isMissed || !isAfter(firstSeenAt, plannedAt)) return RULED_OUT
  return proven(
    'DX-24',
    { plannedAt, firstSeenAt },
    evidence('message', plannedAt, { plannedAt }),
    evidence('device', firstSeenAt, { firstSeenAt }),
  )
}

function isOpen(facts: Facts): boolean {
  return wasNotSent(facts) || isToCome(facts)
}

function judgeLogin(facts: Facts): Judgement {
  const { message, device } = facts
  if (message === null || device === null || !isOpen(facts)) return null
  const isForUsers = 'users' in message.target || message.audience.unmet?.asksForUser === true
  if (!isForUsers) return null
  if (message.trace.outcome === 'waiting') return RULED_OUT
  if (device.userId !== null) return isAsThen(facts) ? RULED_OUT : null
  const find = isAsThen(facts) ? proven : likely
  return find('DX-23', {}, evidence('device', device.lastToldAt, { userId: null }))
}

/** A delivery that waited, and whose device had become somebody else's when its turn came. */
function judgeLogout(facts: Facts): Judgement {
  const { message, device } = facts
  if (message === null || device === null) return null
  const said = saidFor(facts, 'DX-43')
  if (!('users' in message.target)) return RULED_OUT
  if (said === undefined) return ruledOutOnceOver(facts)
  return proven('DX-43', {}, said.evidence, evidence('device', device.lastToldAt, { userId: device.userId }))
}

function judgeChosen(facts: Facts): Judgement {
  const { message } = facts
  if (message === null || !('users' in message.target) || message.target.userDevices !== 'latest') return null
  const { chosen } = message.audience
  if (!wasNotSent(facts)) return ruledOutOnceOver(facts)
  if (chosen === null) return isAsThen(facts) ? RULED_OUT : null
  const find = isAsThen(facts) ? proven : likely
  return find('DX-27', { chosen }, evidence('audience', message.plannedAt, { chosen }))
}

/** Of those that keep the device out. */
function absencesIn(facts: Facts): readonly SegmentFacts[] {
  return isOpen(facts) ? (facts.message?.audience.segments.filter(it => !it.isMember) ?? []) : []
}

function judgeRun(facts: Facts): Judgement {
  if (facts.message === null || facts.message.audience.segments.length === 0) return null
  for (const { name, lastRun, computedAt } of absencesIn(facts)) {
    if (lastRun?.state === 'failed' && isAfter(lastRun.startedAt, computedAt)) {
      const at = lastRun.endedAt ?? lastRun.startedAt
      const error = lastRun.error ?? ''
      return proven(
        'DX-22',
        { segment: name, at, error },
        evidence('segment', at, { segment: name, error, computedAt }),
      )
    }
    if (lastRun?.state === 'computing')
      return proven(
        'DX-22.running',
        { segment: name, at: lastRun.startedAt },
        evidence('segment', lastRun.startedAt, { segment: name, computedAt }),
      )
  }
  return RULED_OUT
}

/** Who meets the condition now and was not in the snapshot has come or changed since. */
function judgeSnapshot(facts: Facts): Judgement {
  const { message, device } = facts
  if (message === null || device === null || message.audience.segments.length === 0) return null
  for (const { name, computedAt, isMetNow, nextRunAt } of absencesIn(facts)) {
    const isNew = isAfter(device.firstSeenAt, computedAt)
    const changedAt = isNew ? device.firstSeenAt : device.lastToldAt
    if (!isNew && (isMetNow !== true || !isAfter(changedAt, computedAt))) continue
    return proven(
      'DX-21',
      { segment: name, computedAt, changedAt },
      evidence('segment', computedAt, { segment: name, nextRunAt }),
      evidence('device', changedAt, { meetsTheConditionNow: isMetNow }),
    )
  }
  return RULED_OUT
}

function judgeAudience(facts: Facts): Judgement {
  const { message, device } = facts
  if (message === null || device === null) return null
  if (!isOpen(facts)) return judgeChanged(facts)
  const { target, audience } = message
  if ('devices' in target || 'users' in target) return judgeNamed(facts)
  if (audience.isMet === null) return null
  const [absent] = absencesIn(facts)
  const told = evidence('device', device.lastToldAt, { isMet: audience.isMet })
  if (absent !== undefined)
    return proven(
      'DX-20',
      {},
      evidence('segment', absent.computedAt, { segment: absent.name, isMember: false }),
    )
  if (audience.unmet === null) return judgeUnexplained(facts)
  const { part, value } = audience.unmet
  const find = isAsThen(facts) ? proven : likely
  return find('DX-20.part', { part, value }, told)
}

/** It was not sent, and meets the condition now: what it asks for (events, lists, receipts) was otherwise then. */
function judgeUnexplained(facts: Facts): Judgement {
  const { message, device } = facts
  if (message === null || device === null || !wasNotSent(facts)) return RULED_OUT
  if (message.isInboxOnly || message.trace.reason !== 'not_in_audience') return null
  const hadAddress = !hadNone(facts) && endedAddress(facts) === null
  const moment = momentOf(facts)
  if (!hadAddress || optedOutAt(facts, moment) !== undefined || isAfter(device.firstSeenAt, moment))
    return null
  return likely('DX-20', {}, evidence('audience', moment, { isMetNow: true }))
}

/** It met the condition when it was read, and not any more when its next try was due. */
function judgeChanged(facts: Facts): Judgement {
  const said = saidFor(facts, 'DX-43')
  if (said === undefined || facts.message === null || 'users' in facts.message.target) return RULED_OUT
  return proven('DX-20', {}, said.evidence)
}

function judgeNamed(facts: Facts): Judgement {
  const { message, device } = facts
  if (message === null || device === null || message.trace.outcome === 'waiting') return RULED_OUT
  const { target } = message
  const told = (isNamed: boolean) => evidence('message', message.plannedAt, { isNamed })
  if ('devices' in target)
    return target.devices.includes(device.hwid)
      ? RULED_OUT
      : proven('DX-20.named', { kind: 'devices' }, told(false))
  // Whose the device was at that time is not on record where somebody has logged in since.
  if (!('users' in target) || device.userId === null) return null
  if (target.users.includes(device.userId)) return isAsThen(facts) ? RULED_OUT : null
  return isAsThen(facts)
    ? proven('DX-20.named', { kind: 'users' }, told(false))
    : likely('DX-20.named', { kind: 'users' }, told(false))
}

function judgeDuplicate(facts: Facts): Judgement {
  if (facts.message === null) return null
  const said = saidFor(facts, 'DX-28')
  return said === undefined ? ruledOutOnceOver(facts) : proven('DX-28', {}, said.evidence)
}

function judgeControl(facts: Facts): Judgement {
  if (facts.message?.experiment == null) return null
  const said = saidFor(facts, 'DX-25')
  return said === undefined ? ruledOutOnceOver(facts) : proven('DX-25', {}, said.evidence)
}
