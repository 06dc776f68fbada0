/** Whether the device has an address: what it reported instead of a token, and what became of the one that it had. */
import { isDenied } from '../../../registry/register/permission.ts'
import { TOKEN_MALFORMED } from '../../../registry/register/registration.ts'
import { isAtLeast } from '../../integration/features.ts'
import type { Facts } from '../facts.ts'
import { evidence, type Judgement, likely, proven, RULED_OUT, type Rule } from '../rule.ts'
import {
  daysBetween,
  type Ended,
  endedAddress,
  hadNone,
  isAfter,
  isAsThen,
  isLedgerKnown,
  isLiving,
  isToCome,
  momentOf,
  ruledOutByAcceptance,
  ruledOutOfAddress,
  saidFor,
  wasNotSent,
} from '../standing.ts'
import type { MessageKey } from '../texts/texts.ts'

export const REGISTRATION_RULES: readonly Rule[] = [
  { id: 'DX-36', stage: 'eligible', judge: judgeMalformed },
  { id: 'DX-35', stage: 'eligible', judge: judgeUpload },
  { id: 'DX-34', stage: 'eligible', judge: judgeRegistrationError },
  { id: 'DX-32', stage: 'eligible', judge: judgeVersion },
  { id: 'DX-44', stage: 'eligible', judge: judgeKind },
  { id: 'DX-33', stage: 'eligible', judge: judgeToken },
  { id: 'DX-39', stage: 'eligible', judge: judgeReplaced },
  { id: 'DX-40', stage: 'requested', judge: judgeEnvironment },
  { id: 'DX-41', stage: 'requested', judge: judgeBothEnvironments },
  { id: 'DX-42', stage: 'eligible', judge: judgeMoved },
  { id: 'DX-37', stage: 'requested', judge: judgeDead },
  { id: 'DX-38', stage: 'eligible', judge: judgeSilence },
]

/** The app says from which version of its SDK on pushes work (…/integration). */
function judgeVersion({ device, app }: Facts): Judgement {
  const needed = app.minimums.get('push')
  const version = device?.record.sdkVersion
  if (device === null || needed === undefined || version === undefined) return null
  if (isAtLeast(version, needed)) return RULED_OUT
  return proven(
    'DX-32',
    { version, needed },
    evidence('device', device.lastSeenAt, { sdkVersion: version, needed }),
  )
}

type ErrorKey = Extract<MessageKey, `DX-34${string}`>

/** What clients report, in codes of Apple (3000, 3010), Google and browsers, or in words of their own. */
const ERRORS: readonly (readonly [pattern: RegExp, key: ErrorKey])[] = [
  [/^3000$|aps-environment|entitlement/i, 'DX-34.entitlement'],
  [/^3010$|simulator|emulator/i, 'DX-34.simulator'],
  [/play.?services|SERVICE_MISSING|SERVICE_VERSION_UPDATE_REQUIRED|MISSING_INSTANCEID/i, 'DX-34.services'],
  [/permission|NotAllowedError|^800016$/i, 'DX-34.permission'],
  [/network|time.?d?.?out|SERVICE_NOT_AVAILABLE|offline|unreachable|vpn|TIMEOUT|^9523$/i, 'DX-34.network'],
]
/** The client had a token, and the call that brings it failed. */
const UPLOAD = /upload/i

interface Reported {
  readonly code: string
  readonly detail: string
  readonly at: string
}

/** What the device told in place of a token, as long as it has none. */
function reportedBy(facts: Facts): Reported | undefined {
  const error = facts.device?.record.registrationError
  if (error == null) return undefined
  const isWithout = hadNone(facts) || endedAddress(facts) !== null
  const isInTime = isToCome(facts) || !isAfter(error.at, momentOf(facts))
  return isWithout && isInTime ? { code: error.code, detail: error.message ?? '', at: error.at } : undefined
}

function told({ at, code, detail }: Reported) {
  return evidence('device', at, { registrationError: code, message: detail || undefined })
}

/** Who has an address that is sent to has got a good token from its system, and uploaded it. */
function ruledOutByAnAddress(facts: Facts): Judgement {
  if (!isToCome(facts)) return ruledOutByAcceptance(facts)
  // What it has told in place of a token since then may have cost it the one that it had.
  if (facts.device?.record.registrationError != null) return null
  return facts.address !== null && isLiving(facts.address) ? RULED_OUT : null
}

function judgeMalformed(facts: Facts): Judgement {
  if (facts.device === null) return null
  const said = saidFor(facts, 'DX-36')
  if (said !== undefined) return proven('DX-36', { detail: said.reason }, said.evidence)
  const reported = reportedBy(facts)
  if (reported?.code !== TOKEN_MALFORMED) return ruledOutByAnAddress(facts)
  return proven('DX-36', { detail: reported.detail }, told(reported))
}

function judgeUpload(facts: Facts): Judgement {
  const reported = reportedBy(facts)
  if (reported === undefined || !UPLOAD.test(reported.code)) return null
  return proven('DX-35', { code: reported.code, detail: reported.detail }, told(reported))
}

function judgeRegistrationError(facts: Facts): Judgement {
  if (facts.device === null) return null
  const reported = reportedBy(facts)
  if (reported === undefined) return ruledOutByAnAddress(facts)
  const { code, detail } = reported
  if (code === TOKEN_MALFORMED || UPLOAD.test(code)) return null
  const key = ERRORS.find(([pattern]) => pattern.test(code) || pattern.test(detail))?.[1] ?? 'DX-34'
  return proven(key, { code, detail }, told(reported))
}

/** Without a permission most systems give none, so that is asked for first. */
function judgeToken(facts: Facts): Judgement {
  const { device } = facts
  if (device === null) return null
  if (!hadNone(facts)) return isLedgerKnown(facts) ? RULED_OUT : null
  if (reportedBy(facts) !== undefined || facts.voip !== null) return null
  if (isDenied(device.permission) && isAsThen(facts)) return null
  if (isToCome(facts) || facts.address === null)
    return proven(
      'DX-33',
      {},
      evidence('device', device.lastSeenAt, { addresses: 0, platform: device.platform }),
    )
  const { firstRegisteredAt, state } = facts.address
  return proven(
    'DX-33.then',
    { at: momentOf(facts) },
    evidence('address', firstRegisteredAt, { firstRegisteredAt, state }),
  )
}

function judgeKind(facts: Facts): Judgement {
  const { address, voip, device } = facts
  if (device === null || voip === null) return null
  const { addressEnd, stateSince } = voip
  if (hadNone(facts))
    return proven('DX-44', {}, evidence('address', stateSince, { kind: 'voip', addressEnd }))
  if (address === null || !address.isVoipToken) return RULED_OUT
  const told = evidence('address', address.stateSince, {
    state: address.state,
    reason: address.reason,
    addressEnd,
  })
  return endedAddress(facts) === null ? likely('DX-44.same', {}, told) : proven('DX-44.same', {}, told)
}

/** Asked for by a token that is not the device's any more; or a delivery for an address of another gateway. */
function judgeReplaced(facts: Facts): Judgement {
  const { askedAddress, asked } = facts
  const said = saidFor(facts, 'DX-39')
  if (said !== undefined) return proven('DX-39', { at: said.evidence.at ?? momentOf(facts) }, said.evidence)
  if (asked !== 'token') return null
  if (askedAddress === null || isLiving(askedAddress)) return RULED_OUT
  if (facts.address === null || !isLiving(facts.address)) return null
  const { state, stateSince, reason, addressEnd } = askedAddress
  return proven(
    'DX-39.asked',
    { at: stateSince },
    evidence('address', stateSince, { state, reason, addressEnd }),
  )
}

const OTHER: Readonly<Record<string, string>> = { production: 'sandbox', sandbox: 'production' }

function otherOf(environment: string): string {
  return OTHER[environment] ?? ''
}

/** Apple did not know the token where it was said to be of; null when that was not so. */
function unknownToApple(facts: Facts): Pick<Ended, 'environment' | 'since' | 'evidence' | 'reason'> | null {
  const ended = endedAddress(facts)
  if (ended?.state === 'quarantined' && /BadDeviceToken/.test(ended.reason)) return ended
  const said = saidFor(facts, 'DX-40')
  if (said === undefined || said.of !== 'address' || facts.address === null) return null
  const { environment } = facts.address
  return { environment, since: momentOf(facts), evidence: said.evidence, reason: said.reason }
}

/** Whether there was a credential to show the token to the other environment with. */
function couldTryElsewhere(
  facts: Facts,
  unknown: { readonly environment: string; readonly since: string },
): boolean {
  const other = otherOf(unknown.environment)
  return facts.credentials.some(
    it =>
      it.environments.includes(other) &&
      !isAfter(it.updatedAt, unknown.since) &&
      !it.pauses.some(({ part }) => part === '' || part === other),
  )
}

function judgeEnvironment(facts: Facts): Judgement {
  const { address } = facts
  if (facts.device === null || (address !== null && address.provider !== 'apns')) return null
  const said = saidFor(facts, 'DX-40')
  if (said?.key === 'DX-40.all')
    return proven('DX-40.all', { reported: address?.environment ?? 'production' }, said.evidence)
  const unknown = unknownToApple(facts)
  if (unknown !== null) {
    const reported = unknown.environment
    if (couldTryElsewhere(facts, unknown)) return RULED_OUT
    return proven('DX-40', { reported, other: otherOf(reported) }, unknown.evidence)
  }
  return judgeCorrected(facts)
}

function judgeCorrected(facts: Facts): Judgement {
  const { ledger, address } = facts
  const corrected = ledger.find(it => it.event === 'superseded' && it.reason === 'environment_corrected')
  if (corrected === undefined || address?.environment !== otherOf(corrected.environment ?? ''))
    return ruledOutOfAddress(facts)
  const { at, environment: reported, addressEnd } = corrected
  return proven(
    'DX-40.corrected',
    { reported: reported ?? '', actual: address.environment },
    evidence('ledger', at, {
      event: 'superseded',
      reason: 'environment_corrected',
      environment: reported,
      addressEnd,
    }),
  )
}

function judgeBothEnvironments(facts: Facts): Judgement {
  const { address } = facts
  if (facts.device === null || (address !== null && address.provider !== 'apns')) return null
  const unknown = unknownToApple(facts)
  if (unknown !== null) {
    if (facts.address?.isVoipToken === true || !couldTryElsewhere(facts, unknown)) return null
    return proven('DX-41', {}, unknown.evidence)
  }
  if (address?.state !== 'suspect' || !/BadDeviceToken/.test(address.reason ?? ''))
    return ruledOutOfAddress(facts)
  const { reason, stateSince } = address
  return likely(
    'DX-41.doubted',
    { reason: reason ?? '' },
    evidence('address', stateSince, { state: 'suspect', reason }),
  )
}

function judgeMoved(facts: Facts): Judgement {
  const ended = endedAddress(facts)
  if (facts.device === null) return null
  if (ended?.state !== 'moved') return isLedgerKnown(facts) ? RULED_OUT : null
  return proven('DX-42', { at: ended.since }, ended.evidence)
}

/** Apple tells since when a token is gone, which the ledger keeps; when that was learned is another time. */
function deathBehind(
  { ledger, message }: Facts,
  toldAt: string,
): { readonly at: string; readonly since: string } | undefined {
  for (const { event, at, evidence: kept } of ledger) {
    const { since, messageId } = (kept ?? {}) as { readonly since?: string; readonly messageId?: string }
    if (event !== 'dead' || since === undefined) continue
    const isOfMessage = message !== null && messageId === message.id
    if (isOfMessage || Date.parse(at) === Date.parse(toldAt))
      return { at, since: new Date(since).toISOString() }
  }
  return undefined
}

function judgeDead(facts: Facts): Judgement {
  const { device, address } = facts
  if (device === null) return null
  const said = saidFor(facts, 'DX-37')
  if (said !== undefined) {
    const { reason } = said
    const toldAt = said.evidence.at ?? momentOf(facts)
    if (said.key !== 'DX-37.apns')
      return proven(said.key as 'DX-37.fcm', { reason, since: toldAt }, said.evidence)
    const death = deathBehind(facts, toldAt)
    if (death === undefined) return proven('DX-37.apns_told', { reason, since: toldAt }, said.evidence)
    const { at, since } = death
    return proven(
      'DX-37.apns',
      { reason, since },
      said.evidence,
      evidence('ledger', at, { event: 'dead', since }),
    )
  }
  if (address === null || address.heldBy === null || !isToCome(facts)) return ruledOutByAcceptance(facts)
  const { reason, stateSince, heldBy } = address
  return proven(
    'DX-37.held',
    {},
    evidence('address', stateSince, { state: 'suspect', reason, alert: heldBy }),
  )
}

/** Who is named is sent to all the same. */
function isNamed({ message }: Facts): boolean {
  return message !== null && ('devices' in message.target || 'users' in message.target)
}

/** R15: by the calls of the device, the registrations of its address, and the pushes that it has told of. */
function judgeSilence(facts: Facts): Judgement {
  const { device, address, app } = facts
  if (device === null || address === null || endedAddress(facts) !== null) return null
  const moment = wasNotSent(facts) ? Date.parse(momentOf(facts)) : facts.at
  const { dormantDays, sendToDormant } = app.addresses
  const { lastSeenAt, lastReceiptAt } = device
  const heardAt = [address.lastRegisteredAt, ...(lastReceiptAt === null ? [] : [lastReceiptAt])].reduce(
    (newest, at) => (isAfter(at, newest) ? at : newest),
    lastSeenAt,
  )
  const days = daysBetween(heardAt, moment)
  if (days < dormantDays || !(isToCome(facts) || wasNotSent(facts))) return RULED_OUT
  const told = evidence('device', heardAt, { lastSeenAt, lastReceiptAt, dormantDays, sendToDormant })
  if (!sendToDormant && !isNamed(facts)) return proven('DX-38', { days, limit: dormantDays }, told)
  return wasNotSent(facts) ? RULED_OUT : likely('DX-38.silent', { days }, told)
}
