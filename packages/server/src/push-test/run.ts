/**
 * Sends one notification with one credential to one address, and tells everything about it. It knows no database:
 * nothing that comes of it changes the base, and a command without a server does the same.
 */
import { randomUUID } from 'node:crypto'
import {
  type AttemptOutcome,
  createTracingTransport,
  type Exchange,
  type FcmOptions,
  hideAddress,
  meaningOf,
  type Notification,
  type ProviderTokens,
} from '@roost/gateways'
import {
  type Environment,
  type PushTestResult,
  type TestNotification,
  TTL_SECONDS_DEFAULT,
} from '@roost/protocol'
import { CONTENT_UNREADABLE } from '../credentials/problems.ts'
import { hashOf } from '../insight/receipts.ts'
import type { TestedAddress } from './address.ts'
import { openClient, openWire, type Tested, type WireOptions } from './clients.ts'

export interface PushTest {
  readonly tested: Tested
  readonly address: TestedAddress
  readonly notification: TestNotification
  readonly validateOnly: boolean
  /** A UUID of version 4; default a new one. */
  readonly deliveryId?: string | undefined
  readonly tokens?: ProviderTokens | undefined
}

/** `tested.secret` and addresses that nobody gave are not in the result. Never rejects for what a gateway does. */
export async function runPushTest(test: PushTest, options: WireOptions): Promise<PushTestResult> {
  const { tested, address } = test
  const deliveryId = test.deliveryId ?? randomUUID()
  const exchanges: Exchange[] = []
  const wire = openWire(tested.gateway, options)
  const transport = createTracingTransport(wire, it => exchanges.push(it))
  try {
    const outcome = await send(test, { ...options, transport, deliveryId })
    const result = resultOf(test, { deliveryId, outcome, exchanges })
    return address.isGiven ? result : hideAddress(result, address.text)
  } finally {
    await transport.close()
  }
}

type SendOptions = WireOptions &
  Pick<Parameters<typeof openClient>[1], 'transport'> & { readonly deliveryId: string }

async function send(test: PushTest, { deliveryId, ...options }: SendOptions): Promise<AttemptOutcome> {
  const { tested, address, tokens, validateOnly } = test
  let client: ReturnType<typeof openClient>
  try {
    client = openClient(tested, { ...options, environment: environmentOf(address), tokens })
  } catch {
    return { kind: 'credential_fault', reason: CONTENT_UNREADABLE }
  }
  const notification = notificationOf(test, deliveryId)
  try {
    return await client.send({ deliveryId, address: address.value as never, notification, validateOnly })
  } finally {
    await client.close()
  }
}

function environmentOf({ environment }: TestedAddress): Environment {
  return environment ?? 'production'
}

function notificationOf({ notification: given, address }: PushTest, deliveryId: string): Notification {
  return {
    hash: hashOf(deliveryId),
    title: given.title,
    subtitle: given.subtitle,
    body: given.body,
    imageUrl: given.image,
    url: given.url,
    sound: given.sound,
    badge: given.badge,
    data: given.data,
    root: given.root,
    iconUrl: given.icon,
    buttons: given.buttons,
    category: given.category,
    channel: given.channel,
    interruptionLevel: given.interruptionLevel,
    ttlSeconds: given.ttlSeconds ?? TTL_SECONDS_DEFAULT,
    priority: given.priority ?? 'high',
    collapseKey: given.collapseKey,
    // A token of another kind takes only its own type.
    apns: address.kind === 'alert' ? given.apns : { pushType: address.kind, ...given.apns },
    fcm: given.fcm as FcmOptions | undefined,
    webPush: given.webPush,
    hms: given.hms,
  }
}

interface Ran {
  readonly deliveryId: string
  readonly outcome: AttemptOutcome
  readonly exchanges: readonly Exchange[]
}

const CHECKED = {
  meaning: 'The gateway has checked the message and would take it. Nothing was delivered.',
  remedy: 'Send it without validateOnly (--validate-only) to see it on the device.',
}

function resultOf(
  { tested, address, validateOnly }: PushTest,
  { deliveryId, outcome, exchanges }: Ran,
): PushTestResult {
  return {
    deliveryId,
    gateway: tested.gateway,
    environment: tested.gateway === 'apns' ? environmentOf(address) : null,
    outcome: outcomeView(outcome),
    ...(validateOnly && outcome.kind === 'accepted' ? CHECKED : meaningOf(outcome, tested.gateway)),
    hint: null,
    exchanges: [...exchanges],
  }
}

function outcomeView(outcome: AttemptOutcome): PushTestResult['outcome'] {
  const since = outcome.kind === 'address_dead' ? outcome.since : undefined
  return {
    kind: outcome.kind,
    reason: outcome.kind === 'accepted' ? null : outcome.reason,
    gatewayMessageId: outcome.kind === 'accepted' ? (outcome.gatewayMessageId ?? null) : null,
    since: since?.toISOString() ?? null,
    scope: outcome.kind === 'retry' ? outcome.scope : null,
    afterMs: outcome.kind === 'retry' ? (outcome.afterMs ?? null) : null,
    part: outcome.kind === 'credential_fault' ? (outcome.part ?? null) : null,
  }
}
