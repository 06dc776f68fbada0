/**
 * What APNs answers about broadcast channels → outcome. What isn't special to channels is read as for any push.
 * Source: Apple, "Sending channel management requests to APNs" and "Sending broadcast push notification requests to
 * APNs".
 */
import type { Clock } from '../clock.ts'
import type { AttemptOutcome } from '../outcome.ts'
import type { TransportResult } from '../transport.ts'
import { readFailure, readResponse, reasonOf } from './outcome.ts'

/** A request about a channel has no address, so no outcome speaks of one. */
export type ChannelFault =
  /** Apple doesn't know this channel (any more) for this app and environment. */
  | { readonly kind: 'channel_unknown'; readonly reason: string }
  | Extract<
      AttemptOutcome,
      { kind: 'message_fault' | 'credential_fault' | 'retry' | 'not_sent' | 'uncertain' }
    >

export interface ChannelRow {
  readonly status: number
  readonly reason: string
  readonly verdict: 'channel_unknown' | 'message_fault' | 'credential_fault'
}

export const CHANNEL_REASONS = [
  // The app has no broadcast capability: to be switched on in the developer account.
  { status: 400, reason: 'FeatureNotEnabled', verdict: 'credential_fault' },
  { status: 400, reason: 'MissingChannelId', verdict: 'message_fault' },
  { status: 400, reason: 'BadChannelId', verdict: 'channel_unknown' },
  { status: 400, reason: 'ChannelNotRegistered', verdict: 'channel_unknown' },
  { status: 400, reason: 'BadRequestParams', verdict: 'message_fault' },
  { status: 400, reason: 'BadRequestPayload', verdict: 'message_fault' },
  { status: 400, reason: 'MissingPushType', verdict: 'message_fault' },
  // An app has 10 000 channels at most.
  { status: 400, reason: 'CannotCreateChannelConfig', verdict: 'message_fault' },
  // Seen, not documented: a storage policy that there is not.
  { status: 400, reason: 'MissingChannelQueueSize', verdict: 'message_fault' },
  { status: 403, reason: 'TopicMismatch', verdict: 'credential_fault' },
] as const satisfies readonly ChannelRow[]

const VERDICTS = new Map<string, ChannelRow['verdict']>(CHANNEL_REASONS.map(row => [row.reason, row.verdict]))

/** It was done, and what came of it can't be told. */
const UNREADABLE = 'answer_unreadable: cut, or not what Apple documents'

/** Of any answer but a readable success. */
export function readChannelFault(
  result: TransportResult,
  clock: Clock,
  hasCertificate: boolean,
): ChannelFault {
  if (result.kind !== 'response') return withoutAddress(readFailure(result, hasCertificate))
  if (result.status < 300) return { kind: 'uncertain', reason: UNREADABLE }
  const reason = reasonOf(result)
  const verdict = VERDICTS.get(reason)
  return verdict === undefined ? withoutAddress(readResponse(result, clock)) : { kind: verdict, reason }
}

/** Seen: to delete a channel that is gone is answered 404 BadPath. */
export function isAlreadyGone(result: TransportResult): boolean {
  return result.kind === 'response' && result.status === 404 && reasonOf(result) === 'BadPath'
}

/** What would wait for a device waits for the app, which the credential stands for. */
function withoutAddress(outcome: AttemptOutcome): ChannelFault {
  switch (outcome.kind) {
    case 'accepted':
      return { kind: 'uncertain', reason: UNREADABLE }
    case 'address_dead':
    case 'address_mismatch':
      return { kind: 'message_fault', reason: outcome.reason }
    case 'retry':
      return outcome.scope === 'device' ? { ...outcome, scope: 'credential' } : outcome
    case 'message_fault':
    case 'credential_fault':
    case 'not_sent':
    case 'uncertain':
      return outcome
  }
}
