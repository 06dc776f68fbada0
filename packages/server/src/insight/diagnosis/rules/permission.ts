/** What the person and the system let through: permission and its parts, channels, power, levels. */
import { isDenied } from '../../../registry/register/permission.ts'
import type { DeviceFacts, Facts } from '../facts.ts'
import { evidence, type Judgement, likely, possible, proven, RULED_OUT, type Rule } from '../rule.ts'
import {
  acceptanceOf,
  hasTold,
  isAfter,
  isAsThen,
  isToCome,
  momentOf,
  optedOutAt,
  saidFor,
  wasNotSent,
} from '../standing.ts'

/** From this version on Android asks the person (POST_NOTIFICATIONS). Source: Android, "Notification runtime permission". */
const ANDROID_ASKS_FROM = 13

export const PERMISSION_RULES: readonly Rule[] = [
  { id: 'DX-45', stage: 'policy', judge: judgePermission },
  { id: 'DX-47', stage: 'policy', judge: judgeAndroidPermission },
]

export const DISPLAY_RULES: readonly Rule[] = [
  { id: 'DX-46', stage: 'displayed', judge: judgeParts, isAside: true },
  { id: 'DX-48', stage: 'displayed', judge: judgeChannel },
  { id: 'DX-50', stage: 'displayed', judge: judgeForeground },
  { id: 'DX-52', stage: 'displayed', judge: judgeLevel },
]

export const POWER_RULES: readonly Rule[] = [{ id: 'DX-51', stage: 'received', judge: judgePower }]

function isAskingAndroid({ platform, osVersion }: DeviceFacts): boolean {
  return platform === 'android' && Number.parseInt(osVersion ?? '', 10) >= ANDROID_ASKS_FROM
}

/** How sure it is that the device could show nothing when it mattered; null: it could. */
function findDenial(facts: Facts) {
  const { device } = facts
  if (device === null) return null
  const { permission } = device
  const told = evidence('device', device.lastToldAt, { permission })
  const denied = isDenied(permission)
  if (isToCome(facts)) return denied ? { find: proven, told } : null
  const said = saidFor(facts, 'DX-45')
  if (said !== undefined) return { find: proven, told: said.evidence }
  if (wasNotSent(facts)) {
    if (denied && isAsThen(facts)) return { find: proven, told }
    const withdrawn = optedOutAt(facts, momentOf(facts))
    if (withdrawn === undefined) return null
    const { at, event, reason } = withdrawn
    return { find: proven, told: evidence('ledger', at, { event, reason }) }
  }
  // Gateways answer 200 all the same, and Roost hears of a withdrawal when the app is opened next.
  return denied && acceptanceOf(facts) !== undefined && !hasTold(facts, 'opened')
    ? { find: likely, told }
    : null
}

function judgePermission(facts: Facts): Judgement {
  const { device } = facts
  if (device === null || (device.permission === null && saidFor(facts, 'DX-45') === undefined)) return null
  const denial = findDenial(facts)
  if (denial !== null) {
    if (isAskingAndroid(device)) return null
    const key = device.permission === 'not_determined' ? 'DX-45.not_asked' : 'DX-45.denied'
    return denial.find(key, {}, denial.told)
  }
  if (hasTold(facts, 'opened', 'displayed') || (device.permission === 'granted' && !wasNotSent(facts)))
    return RULED_OUT
  if (device.permission !== 'provisional') return null
  return proven('DX-45.provisional', {}, evidence('device', device.lastToldAt, { permission: 'provisional' }))
}

function judgeAndroidPermission(facts: Facts): Judgement {
  const { device } = facts
  if (device === null || device.permission === null || !isAskingAndroid(device)) return null
  const denial = findDenial(facts)
  if (denial === null)
    return hasTold(facts, 'opened', 'displayed') || (device.permission === 'granted' && !wasNotSent(facts))
      ? RULED_OUT
      : null
  return denial.find('DX-47', { version: device.osVersion ?? '' }, denial.told)
}

/** Whether what the device shows matters: it is asked of the device alone, the message is to come, or it has come. */
function isShowing(facts: Facts): boolean {
  return (isToCome(facts) || acceptanceOf(facts) !== undefined) && !hasTold(facts, 'opened')
}

const PARTS = ['alert', 'sound', 'badge'] as const
/** Only Apple's systems have a part for badges; others derive it from the notifications that are shown. */
const PARTS_ELSEWHERE = ['alert', 'sound'] as const

function judgeParts(facts: Facts): Judgement {
  const { device } = facts
  const parts = device?.record.permissionParts
  if (device === null || parts === undefined) return null
  const known = device.platform === 'ios' || device.platform === 'macos' ? PARTS : PARTS_ELSEWHERE
  const off = known.filter(it => parts[it] === false)
  if (off.length === 0) return RULED_OUT
  // All of them off is no permission at all.
  if (off.length === known.length || !isShowing(facts)) return null
  const told = evidence('device', device.lastToldAt, Object.fromEntries(off.map(it => [it, false])))
  return proven('DX-46', { parts: off.join(', ') }, told)
}

function judgeChannel(facts: Facts): Judgement {
  const { device, message } = facts
  const channels = device?.record.channels
  if (device === null || channels === undefined) return null
  const off = channels.filter(it => !it.isEnabled || it.importance === 0).map(it => it.id)
  if (!isShowing(facts)) return null
  if (message === null) {
    if (off.length === 0) return RULED_OUT
    return proven(
      'DX-48.some',
      { channels: off.join(', ') },
      evidence('device', device.lastToldAt, { off: off.join(', ') }),
    )
  }
  const { channel } = message.content
  if (channel === undefined) return null
  const told = evidence('device', device.lastToldAt, { channel, known: channels.map(it => it.id).join(', ') })
  if (off.includes(channel)) return proven('DX-48', { channel }, told)
  return channels.some(it => it.id === channel) ? RULED_OUT : proven('DX-48.unknown', { channel }, told)
}

/** An app that was opened so shortly before or after was probably open. */
const OPEN_AROUND_MS = 2 * 60_000

function judgeForeground(facts: Facts): Judgement {
  const accepted = acceptanceOf(facts)
  if (accepted === undefined || facts.device === null) return null
  const { lastOpenAt } = facts.device
  const isAround =
    lastOpenAt !== null && Math.abs(Date.parse(lastOpenAt) - Date.parse(accepted.at)) <= OPEN_AROUND_MS
  if (hasTold(facts, 'opened', 'displayed')) return RULED_OUT
  // Of its opens only the last is on record.
  if (!isAround) return lastOpenAt !== null && isAfter(lastOpenAt, accepted.at) ? null : RULED_OUT
  const told = evidence('device', lastOpenAt, { lastOpenAt, acceptedAt: accepted.at })
  return hasTold(facts, 'delivered') ? likely('DX-50', {}, told) : possible('DX-50', {}, told)
}

function judgeLevel(facts: Facts): Judgement {
  const { device, message } = facts
  if (device === null || (device.platform !== 'ios' && device.platform !== 'macos') || !isShowing(facts))
    return null
  const level = message?.content.interruptionLevel
  if (level === 'passive') return proven('DX-52', {}, evidence('message', null, { interruptionLevel: level }))
  if (level === 'time-sensitive' || level === 'critical') return RULED_OUT
  if (device.record.permissionParts?.scheduledSummary !== true) return null
  return likely('DX-52.summary', {}, evidence('device', device.lastToldAt, { scheduledSummary: true }))
}

/** Android's standby buckets in which high priority is limited and jobs wait. Source: Android, "App Standby Buckets". */
const RARE = new Set(['rare', 'restricted'])

function judgePower(facts: Facts): Judgement {
  const power = facts.device?.record.power
  if (facts.device === null || power === undefined || !isShowing(facts)) return null
  const { isBackgroundRestricted, standby, isLowPower } = power
  const restriction = [
    isBackgroundRestricted === true && 'background restricted',
    standby !== undefined && RARE.has(standby) && `standby ${standby}`,
  ].filter(it => it !== false)
  const told = evidence('device', facts.device.lastToldAt, { isBackgroundRestricted, standby, isLowPower })
  if (hasTold(facts, 'delivered')) return RULED_OUT
  if (restriction.length > 0) return likely('DX-51', { restriction: restriction.join(', ') }, told)
  // A device that nobody uses is restricted later, and tells of it when it is used again.
  return isLowPower === true ? possible('DX-51', { restriction: 'low power' }, told) : null
}
