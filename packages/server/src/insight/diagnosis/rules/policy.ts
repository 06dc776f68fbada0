/** What the sender's and the app's own rules keep back: opt-outs, caps, quiet hours, messages that would show nothing. */
import type { QuietHours } from '@roost/protocol'
import { quietUntil } from '../../../dispatch/policy.ts'
import { DeviceClocks } from '../../../messages/when/zones.ts'
import type { Facts } from '../facts.ts'
import { evidence, type Judgement, proven, RULED_OUT, type Rule } from '../rule.ts'
import { isToCome, momentOf, ruledOutOnceOver, saidFor, wasNotSent } from '../standing.ts'

export const POLICY_RULES: readonly Rule[] = [
  { id: 'DX-49', stage: 'policy', judge: judgeOptOut },
  { id: 'DX-55', stage: 'policy', judge: judgeCap },
  { id: 'DX-56', stage: 'policy', judge: judgeQuietHours },
  { id: 'DX-59', stage: 'rendered', judge: judgeShown },
]

const clocks = new DeviceClocks()
const DAY_MS = 24 * 3_600_000

function judgeOptOut(facts: Facts): Judgement {
  const { device, message } = facts
  if (device === null) return null
  const said = saidFor(facts, 'DX-49')
  if (said?.key === 'DX-49.unregistered') return proven('DX-49.unregistered', {}, said.evidence)
  if (said !== undefined)
    return proven('DX-49.category', { category: message?.rules?.category ?? '' }, said.evidence)
  const category = message?.rules?.category
  if (category !== undefined && isToCome(facts) && device.optedOutOf.includes(category))
    return proven(
      'DX-49.category',
      { category },
      evidence('device', device.lastToldAt, { optedOut: category }),
    )
  if (message !== null) return isToCome(facts) || !wasNotSent(facts) ? RULED_OUT : null
  if (device.optedOutOf.length === 0) return RULED_OUT
  const categories = device.optedOutOf.join(', ')
  return proven('DX-49.some', { categories }, evidence('device', device.lastToldAt, { optedOut: categories }))
}

/** Its own goes before the app's, which concerns no transactional message. */
function ruleFor<Name extends 'cap' | 'quietHours'>(name: Name, { message, app }: Facts) {
  const own = message?.rules?.[name]
  if (own !== undefined) return own
  return message?.rules?.kind === 'transactional' ? null : app.rules[name]
}

function judgeCap(facts: Facts): Judgement {
  const { message, device, at } = facts
  if (device === null) return null
  const cap = ruleFor('cap', facts)
  const said = saidFor(facts, 'DX-55')
  const { messages = 0, days = 0 } = cap ?? {}
  if (said !== undefined) return proven('DX-55', { messages, days }, said.evidence)
  if (cap === null) return RULED_OUT
  if (message !== null) return ruledOutOnceOver(facts)
  const taken = facts.cappedAt.filter(it => Date.parse(it) > at - days * DAY_MS)
  if (taken.length < messages) return RULED_OUT
  return proven(
    'DX-55.now',
    { messages, days },
    evidence('delivery', taken.at(-1) ?? null, { taken: taken.length, messages, days }),
  )
}

function judgeQuietHours(facts: Facts): Judgement {
  const { message, device, at } = facts
  if (device === null) return null
  const quiet = ruleFor('quietHours', facts)
  const said = saidFor(facts, 'DX-56')
  const { from = '', to = '' } = quiet ?? {}
  if (said?.key === 'DX-56.waits')
    return proven('DX-56.waits', { from, to, until: said.dueAt ?? momentOf(facts) }, said.evidence)
  if (said !== undefined) return proven(said.key as 'DX-56.dropped', { from, to }, said.evidence)
  const until = message === null && quiet !== null ? quietEnd(facts, quiet, at) : undefined
  if (until === undefined) return message === null || quiet === null ? RULED_OUT : ruledOutOnceOver(facts)
  return proven(
    quiet?.action === 'drop' ? 'DX-56.now_dropped' : 'DX-56.now',
    { from, to, until },
    evidence('device', null, { from, to, timezoneSeconds: device.timezoneSeconds }),
  )
}

function quietEnd({ device }: Facts, quiet: QuietHours, at: number): string | undefined {
  const told = {
    timezoneSeconds: device?.timezoneSeconds ?? null,
    timeZone: device?.record.timeZone ?? null,
  }
  const until = quietUntil(quiet, { at, timezoneSeconds: clocks.secondsAt(told, at) })
  return until === undefined ? undefined : new Date(until).toISOString()
}

function judgeShown(facts: Facts): Judgement {
  if (facts.message === null) return null
  if (facts.message.isInboxOnly)
    return proven('DX-59.inbox', {}, evidence('message', facts.message.sendAt, { inboxOnly: true }))
  const said = saidFor(facts, 'DX-59')
  return said === undefined ? ruledOutOnceOver(facts) : proven(said.key as 'DX-59', {}, said.evidence)
}
