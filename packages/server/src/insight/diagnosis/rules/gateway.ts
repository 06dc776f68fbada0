/** What the gateway said of the credential, of its own state, and of the way to it. */
import type { RuleId } from '@roost/protocol'
import { PROVIDER_OF } from '../../../registry/address.ts'
import type { CredentialFacts, Facts, WaitingMessage } from '../facts.ts'
import { bare, isGivenUp, meaningOf } from '../reasons.ts'
import { evidence, type Found, type Judgement, likely, proven, RULED_OUT, type Rule } from '../rule.ts'
import {
  credentialOf,
  environmentOf,
  isToCome,
  momentOf,
  ruledOutByAcceptance,
  ruledOutOfPair,
  ruledOutOnceOver,
  type Said,
  saidFor,
} from '../standing.ts'
import type { MessageKey } from '../texts/texts.ts'

export const CREDENTIAL_RULES: readonly Rule[] = [
  { id: 'DX-01', stage: 'requested', judge: judgeCredential },
  { id: 'DX-02', stage: 'requested', judge: judgeExpired },
  { id: 'DX-05', stage: 'requested', judge: judgeSaid('DX-05', ({ reason }) => ({ reason })) },
  { id: 'DX-04', stage: 'requested', judge: judgeSaid('DX-04', saidOfKey) },
  { id: 'DX-07', stage: 'requested', judge: judgeTopic },
  { id: 'DX-08', stage: 'requested', judge: judgeSaid('DX-08', saidOfKey, ruledOutOfPair) },
  { id: 'DX-09', stage: 'requested', judge: judgeSaid('DX-09', saidOfProject, ruledOutOfPair) },
  { id: 'DX-10', stage: 'requested', judge: judgeSaid('DX-10', ({ reason }) => ({ reason })) },
  { id: 'DX-11', stage: 'requested', judge: judgeSaid('DX-11', ({ reason }) => ({ reason })) },
  { id: 'DX-12', stage: 'requested', judge: judgeVapid },
  { id: 'DX-14', stage: 'requested', judge: judgeSaid('DX-14', ({ reason }) => ({ reason })) },
  { id: 'DX-06', stage: 'requested', judge: judgeSaid('DX-06', ({ reason }) => ({ reason })) },
  { id: 'DX-13', stage: 'requested', judge: judgeWay },
  { id: 'DX-70', stage: 'requested', judge: facts => judgeTrouble(facts, 'DX-70') },
  { id: 'DX-71', stage: 'requested', judge: facts => judgeTrouble(facts, 'DX-71') },
  { id: 'DX-72', stage: 'accepted', judge: judgeUncertain },
  { id: 'DX-03', stage: 'requested', judge: judgeExpiring },
]

const NAMES: Readonly<Record<string, string>> = { apns: 'APNs', fcm: 'FCM', webpush: 'Web Push', hms: 'HMS' }

function gatewayOf({ address, credentials, message }: Facts): string | undefined {
  return address?.provider ?? credentials[0]?.gateway ?? message?.trace.gateway ?? undefined
}

function nameOf(gateway: string | undefined): string {
  return NAMES[gateway ?? ''] ?? gateway ?? ''
}

type Parameters = Readonly<Record<string, string>>

/** At which gateways a rule of the gateway's own words can be met at all. */
const MET_AT: Readonly<Partial<Record<RuleId, readonly string[]>>> = {
  'DX-05': ['apns'],
  'DX-04': ['apns', 'hms'],
  'DX-08': ['apns'],
  'DX-09': ['fcm'],
  'DX-10': ['fcm'],
  'DX-11': ['fcm'],
  'DX-14': ['hms'],
  'DX-06': ['apns'],
}

/** For rules that tell what a gateway said and nothing else. What it has not said yet it may say of the next message. */
function judgeSaid(
  rule: RuleId,
  parametersOf: (said: Said, facts: Facts) => Parameters,
  ruledOut: (facts: Facts) => Judgement = ruledOutByAcceptance,
): (facts: Facts) => Judgement {
  return facts => {
    const said = saidFor(facts, rule)
    if (said !== undefined) return foundOf(said, parametersOf(said, facts))
    return MET_AT[rule]?.includes(gatewayOf(facts) ?? '') === true ? ruledOut(facts) : null
  }
}

/** The parameters are those of the key, which the table of reasons gives. */
function foundOf({ verdict, key, evidence: told }: Said, parameters: Parameters): Found {
  return { verdict, key, parameters, evidence: [told] }
}

function saidOfKey({ reason }: Said, facts: Facts): Parameters {
  return { gateway: nameOf(gatewayOf(facts)), environment: environmentOf(facts), reason }
}

function saidOfProject(_: Said, facts: Facts): Parameters {
  return { project: String(credentialOf(facts)?.settings.projectId ?? '–') }
}

function judgeCredential(facts: Facts): Judgement {
  const { device, address } = facts
  if (device === null) return null
  const gateway = address?.provider ?? (device.platform === null ? undefined : PROVIDER_OF[device.platform])
  if (gateway === undefined) return null
  const environment = gateway === 'apns' ? environmentOf(facts) : ''
  const parameters = { gateway: nameOf(gateway), environment }
  const said = saidFor(facts, 'DX-01')
  if (said !== undefined) return proven('DX-01', parameters, said.evidence)
  const hasKey = gateway === 'webpush' ? facts.credentials.length > 0 : credentialOf(facts) !== undefined
  if (!isToCome(facts)) return ruledOutByAcceptance(facts)
  if (hasKey) return RULED_OUT
  return proven('DX-01', parameters, evidence('credential', null, { gateway, environment, credentials: 0 }))
}

function hasExpired({ expiresAt }: CredentialFacts, at: number): boolean {
  return expiresAt !== null && Date.parse(expiresAt) <= at
}

function judgeExpired(facts: Facts): Judgement {
  const credential = credentialOf(facts)
  const gateway = nameOf(gatewayOf(facts))
  const said = saidFor(facts, 'DX-02')
  if (said !== undefined)
    return proven('DX-02', { gateway, expiresAt: credential?.expiresAt ?? momentOf(facts) }, said.evidence)
  if (credential?.expiresAt == null) return null
  const { id, expiresAt } = credential
  if (!isToCome(facts)) return ruledOutByAcceptance(facts)
  if (!hasExpired(credential, facts.at)) return RULED_OUT
  return proven(
    'DX-02',
    { gateway, expiresAt },
    evidence('credential', expiresAt, { credential: id, expiresAt }),
  )
}

/** So long before its end a certificate is told of (credentials/problems.ts). */
const WARNED_MS = 30 * 24 * 3_600_000

function judgeExpiring(facts: Facts): Judgement {
  const credential = credentialOf(facts)
  if (credential?.expiresAt == null || !isToCome(facts)) return null
  const { id, expiresAt, gateway } = credential
  const leftMs = Date.parse(expiresAt) - facts.at
  if (leftMs > WARNED_MS || leftMs <= 0) return RULED_OUT
  return proven(
    'DX-03',
    { gateway: nameOf(gateway), expiresAt },
    evidence('credential', expiresAt, { credential: id, expiresAt }),
  )
}

/** Of the bundle ids that a credential serves; a certificate names its topics. */
function topicsOf({ settings }: CredentialFacts): readonly string[] {
  const named: readonly unknown[] = Array.isArray(settings.topics) ? settings.topics : []
  const topics = named.map(it => String((it as { readonly topic?: unknown } | null)?.topic ?? ''))
  return [...new Set([String(settings.bundleId ?? ''), ...topics])].filter(it => it !== '')
}

function judgeTopic(facts: Facts): Judgement {
  if (gatewayOf(facts) !== 'apns') return null
  const credential = credentialOf(facts)
  const topics = credential === undefined ? [] : topicsOf(credential)
  const said = saidFor(facts, 'DX-07')
  const bundleId = facts.device?.record.bundleId
  const isOther = bundleId !== undefined && topics.length > 0 && !topics.includes(bundleId)
  const told = evidence('device', facts.device?.lastSeenAt ?? null, { bundleId, topics: topics.join(', ') })
  if (said !== undefined) {
    if (isOther) return proven('DX-07', { bundleId, topics: topics.join(', ') }, said.evidence, told)
    return foundOf(said, { topics: topics.join(', ') || '–', reason: said.reason })
  }
  // What Apple has taken before was of the app, whatever the device calls it.
  if (!isOther || !isToCome(facts) || facts.address?.acceptedAt != null) return ruledOutOfPair(facts)
  return proven('DX-07', { bundleId, topics: topics.join(', ') }, told)
}

/** R28: a subscription works with the key that it was made with and no other. */
function judgeVapid(facts: Facts): Judgement {
  const { address, credentials } = facts
  if (gatewayOf(facts) !== 'webpush') return null
  const said = saidFor(facts, 'DX-12')
  if (said !== undefined) return foundOf(said, { reason: said.reason })
  const credentialId = address?.credentialId ?? null
  if (!isToCome(facts) || credentialId === null || credentials.some(it => it.id === credentialId))
    return ruledOutOfPair(facts)
  return proven(
    'DX-12',
    {},
    evidence('address', address?.stateSince ?? null, { credential: credentialId, isKept: false }),
  )
}

/** Said of a delivery, by the last check of the credential, or of another message that waits for the device now. */
function judgeWay(facts: Facts): Judgement {
  const gateway = nameOf(gatewayOf(facts))
  const said = saidFor(facts, 'DX-13')
  if (said !== undefined) return foundOf(said, { gateway, reason: said.reason })
  const stuck = isToCome(facts) ? facts.waiting.find(it => isUnreached(it, facts)) : undefined
  if (stuck !== undefined) {
    const { reason, messageId: message, attempts } = stuck
    return likely('DX-13', { gateway, reason }, evidence('delivery', null, { message, reason, attempts }))
  }
  const unreachable = credentialOf(facts)?.checks.find(it => it.outcome === 'unreachable')
  if (!isToCome(facts) || unreachable === undefined) return ruledOutByAcceptance(facts)
  const reason = unreachable.reason ?? 'unreachable'
  return likely(
    'DX-13',
    { gateway, reason },
    evidence('credential', unreachable.at, { outcome: 'unreachable', reason }),
  )
}

function isUnreached({ gateway, reason }: WaitingMessage, facts: Facts): boolean {
  return gateway === gatewayOf(facts) && meaningOf('retry', reason, gateway)?.rule === 'DX-13'
}

function judgeTrouble(facts: Facts, rule: 'DX-70' | 'DX-71'): Judgement {
  if (facts.message === null) return null
  const said = saidFor(facts, rule)
  if (said === undefined) return ruledOutOnceOver(facts)
  const reason = said.reason
  if (isGivenUp(reason)) {
    const key: MessageKey = `${rule}.gave_up`
    return proven(key, { reason: bare(reason) }, said.evidence)
  }
  return proven(rule, { reason, dueAt: said.dueAt ?? momentOf(facts) }, said.evidence)
}

function judgeUncertain(facts: Facts): Judgement {
  if (facts.message === null) return null
  const said = saidFor(facts, 'DX-72')
  return said === undefined
    ? ruledOutOnceOver(facts)
    : proven('DX-72', { reason: said.reason }, said.evidence)
}
