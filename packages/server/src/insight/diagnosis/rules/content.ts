/** Whether the message could be made and taken: its size, options, variables, and its image. */
import { isAtLeast } from '../../integration/features.ts'
import type { Facts } from '../facts.ts'
import { evidence, type Judgement, likely, proven, RULED_OUT, type Rule } from '../rule.ts'
import { acceptanceOf, isToCome, ruledOutOnceOver, saidFor } from '../standing.ts'

export const CONTENT_RULES: readonly Rule[] = [
  { id: 'DX-64', stage: 'rendered', judge: judgeVariables },
  { id: 'DX-61', stage: 'rendered', judge: judgeSize },
  { id: 'DX-62', stage: 'requested', judge: facts => judgeOption(facts, 'DX-62') },
  { id: 'DX-63', stage: 'requested', judge: facts => judgeOption(facts, 'DX-63') },
]

export const IMAGE_RULES: readonly Rule[] = [
  { id: 'DX-66', stage: 'displayed', judge: judgeImage },
  { id: 'DX-67', stage: 'displayed', judge: judgeExtension },
]

function judgeVariables(facts: Facts): Judgement {
  if (facts.message === null) return null
  const said = saidFor(facts, 'DX-64')
  if (said === undefined) return ruledOutOnceOver(facts)
  const reason = said.reason.replace(/^\w+: /, '')
  if (said.key === 'DX-64.failed') return proven('DX-64.failed', { reason }, said.evidence)
  return proven('DX-64', { variable: reason }, said.evidence)
}

function judgeSize(facts: Facts): Judgement {
  if (facts.message === null) return null
  const said = saidFor(facts, 'DX-61')
  if (said === undefined) return ruledOutOnceOver(facts)
  const gateway = facts.message.trace.gateway ?? ''
  return proven('DX-61', { gateway, reason: said.reason }, said.evidence)
}

function judgeOption(facts: Facts, rule: 'DX-62' | 'DX-63'): Judgement {
  if (facts.message === null) return null
  const said = saidFor(facts, rule)
  return said === undefined ? ruledOutOnceOver(facts) : proven(rule, { reason: said.reason }, said.evidence)
}

const NO_IMAGE = /^image /

/** What was found when the message was made, with "onBadImage": "warn"; or what the device told. */
function judgeImage(facts: Facts): Judgement {
  const { message } = facts
  if (message?.content.image === undefined) return null
  const failed = message.attachmentFault
  if (failed !== null)
    return proven(
      'DX-66.device',
      { detail: failed.reason ?? '–' },
      evidence('receipt', failed.at, { kind: 'attachment_failed', reason: failed.reason }),
    )
  const detail = message.warnings.find(it => NO_IMAGE.test(it))
  // What was good when the message was made may be gone when the device loads it; that it was not told of is no proof.
  if (detail === undefined) return null
  return proven('DX-66', { detail }, evidence('message', message.sendAt, { warning: detail }))
}

/** On Apple's phones the app's extension loads images and tells of arrivals; it says its version. */
function judgeExtension(facts: Facts): Judgement {
  const { device, message, app } = facts
  if (device?.platform !== 'ios' || message?.content.image === undefined) return null
  const { extensionVersion, sdkVersion } = device.record
  if (!isToCome(facts) && acceptanceOf(facts) === undefined) return null
  const told = evidence('device', device.lastSeenAt, {
    extensionVersion: extensionVersion ?? null,
    sdkVersion,
  })
  if (extensionVersion === undefined) return likely('DX-67', {}, told)
  const needed = app.minimums.get('rich_push')
  if (needed === undefined) return null
  if (isAtLeast(extensionVersion, needed)) return RULED_OUT
  return proven('DX-67.old', { version: extensionVersion, needed }, told)
}
