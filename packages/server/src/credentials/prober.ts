/**
 * Asks a gateway whether it takes a credential, by a push that reaches nobody: to an APNs token of zeros, and with
 * `validate_only` to an FCM or HMS token that is none. "Bad token" is the good answer: the gateway looked at the token,
 * so it took the credential. Push services of browsers can't be asked without a subscription.
 *
 * Apple counts a bad device token as an error condition, so this is done once for each upload, and once a day.
 * Each probe has connections of its own: what it meets must not make those wait that carry messages.
 */
import { randomUUID } from 'node:crypto'
import {
  type AttemptOutcome,
  BLANK,
  createHttp2Transport,
  type GatewayClient,
  type Notification,
} from '@roost/gateways'
import type { CredentialCheck } from '@roost/protocol'
import type { Clock } from '../time.ts'
import { type GatewayUrls, openClient } from './clients.ts'
import { CONTENT_UNREADABLE } from './problems.ts'
import type { Seal } from './seal.ts'

export interface ProberOptions {
  readonly seal: Seal
  readonly clock: Clock
  readonly urls: GatewayUrls
  /** PEM, added to the trusted roots. */
  readonly extraCa?: string | undefined
  /** For each question, over connecting and answering. Default 4000: somebody waits for the upload's answer. */
  readonly deadlineMs?: number
  /** Ends what is asked; the answers are `unreachable`. */
  readonly signal?: AbortSignal | undefined
}

export interface Probed {
  readonly id: string
  readonly gateway: string
  readonly kind: string
  readonly environments: readonly string[]
  readonly settings: Readonly<Record<string, string>>
  readonly sealed: Buffer
}

const DEADLINE_MS = 4000
/** 32 bytes, as long as real ones; no device has it. */
const NOBODY_AT_APNS = '0'.repeat(64)
const NOBODY = 'roost-credential-check'

const QUESTION: Notification = {
  hash: 'check',
  ...BLANK,
  title: 'Credential check',
}

/** One answer for each environment of APNs, one for the other gateways, none for Web Push. Never rejects. */
export async function probe(credential: Probed, options: ProberOptions): Promise<CredentialCheck[]> {
  if (credential.gateway === 'webpush') return []
  const environments = credential.gateway === 'apns' ? credential.environments : [null]
  return Promise.all(environments.map(environment => ask(credential, environment, options)))
}

async function ask(
  credential: Probed,
  environment: string | null,
  options: ProberOptions,
): Promise<CredentialCheck> {
  const at = new Date(options.clock.now()).toISOString()
  const { extraCa, signal, seal, clock, urls, deadlineMs = DEADLINE_MS } = options
  const transport = createHttp2Transport({ assumedStreams: 1, ...(extraCa === undefined ? {} : { extraCa }) })
  const giveUp = () => void transport.close()
  signal?.addEventListener('abort', giveUp)
  try {
    const { id, gateway, settings, sealed } = credential
    const client: GatewayClient<{ readonly token: string }> = openClient(
      { gateway, settings, secret: seal.open(id, sealed) },
      { clock, urls, transport, environment, deadlineMs },
    )
    const token = gateway === 'apns' ? NOBODY_AT_APNS : NOBODY
    const outcome = await client.send({
      deliveryId: randomUUID(),
      address: { token },
      notification: QUESTION,
      validateOnly: true,
    })
    return { environment, at, ...answerOf(outcome) }
  } catch {
    // A client refuses what is no credential, and the seal what was altered.
    return { environment, at, outcome: 'refused', reason: CONTENT_UNREADABLE }
  } finally {
    signal?.removeEventListener('abort', giveUp)
    giveUp()
  }
}

function answerOf(outcome: AttemptOutcome): Pick<CredentialCheck, 'outcome' | 'reason'> {
  switch (outcome.kind) {
    case 'credential_fault':
      return { outcome: 'refused', reason: outcome.reason }
    case 'retry':
    case 'not_sent':
    case 'uncertain':
      return { outcome: 'unreachable', reason: outcome.reason }
    case 'accepted':
    case 'address_dead':
    case 'address_mismatch':
    case 'message_fault':
      return { outcome: 'accepted', reason: null }
  }
}
