/**
 * A gateway client for one push, over connections of its own: what a tester meets must not make those wait that carry
 * messages, and the reverse.
 */
import {
  type ApnsCredential,
  createApnsClient,
  createFcmClient,
  createGuardedLookup,
  createHmsClient,
  createHttp2Transport,
  createWebPushClient,
  createWebTransport,
  type GatewayClient,
  type ProviderTokens,
  type Transport,
} from '@roost/gateways'
import type { Environment, Provider } from '@roost/protocol'
import type { Content } from '../credentials/content.ts'
import type { GatewayUrls } from '../credentials/senders.ts'
import type { Clock } from '../time.ts'

export interface WireOptions {
  readonly clock: Clock
  readonly urls: GatewayUrls
  /** PEM, added to the trusted roots. */
  readonly extraCa?: string | undefined
  readonly allowPrivateEndpoints: boolean
  /** For each request, over connecting and answering. Default 10 000. */
  readonly deadlineMs?: number | undefined
}

/** What a client is made of. */
export type Tested = Pick<Content, 'kind' | 'settings' | 'secret'> & { readonly gateway: Provider }

/** Somebody waits for the answer; FCM asks for no less. */
const DEADLINE_MS = 10_000

/** The caller closes it. What can't be reached is told at once, and not tried again. */
export function openWire(gateway: Provider, options: WireOptions): Transport {
  const { extraCa, clock, allowPrivateEndpoints } = options
  const common = { failsWhileBackingOff: true, ...(extraCa === undefined ? {} : { extraCa }) }
  if (gateway !== 'webpush') return createHttp2Transport({ ...common, assumedStreams: 1 })
  const lookup = allowPrivateEndpoints ? {} : { lookup: createGuardedLookup() }
  return createWebTransport({ ...common, ...lookup, clock })
}

export interface ClientOptions extends WireOptions {
  readonly transport: Transport
  readonly environment: Environment
  /** Those of a stored key: Apple takes no new token for it within 20 minutes. */
  readonly tokens?: ProviderTokens | undefined
}

/** Throws when the content is none of a credential. */
export function openClient(tested: Tested, options: ClientOptions): GatewayClient<never> {
  const secret = JSON.parse(tested.secret) as Record<string, string>
  const settings = tested.settings as Record<string, string | undefined>
  const { transport, clock, deadlineMs = DEADLINE_MS, urls } = options
  const common = { transport, clock, deadlineMs }
  switch (tested.gateway) {
    case 'apns':
      return createApnsClient({
        ...common,
        credential: apnsCredentialOf(settings, secret),
        environment: options.environment,
        ...given('baseUrl', options.environment === 'sandbox' ? urls.apnsSandbox : urls.apnsProduction),
        ...given('tokens', options.tokens),
      })
    case 'fcm':
      return createFcmClient({
        ...common,
        credential: secret,
        ...given('baseUrl', urls.fcm),
        ...given('tokenUrl', urls.googleToken),
      })
    case 'webpush':
      return createWebPushClient({
        ...common,
        credential: {
          publicKey: settings.publicKey ?? '',
          privateKey: secret.privateKey ?? '',
          subject: settings.subject ?? '',
        },
        allowPrivate: options.allowPrivateEndpoints,
      })
    case 'hms': {
      const { appId = '', clientId = '' } = settings
      return createHmsClient({
        ...common,
        credential: { appId, clientId, clientSecret: secret.clientSecret ?? '' },
        ...given('baseUrl', urls.hms),
        ...given('tokenUrl', urls.hmsToken),
      })
    }
  }
}

/** An option that is absent stays absent. */
function given<Name extends string, Value>(
  name: Name,
  value: Value | undefined,
): { readonly [name in Name]?: Value } {
  return value === undefined ? {} : ({ [name]: value } as { readonly [name in Name]: Value })
}

/** A key, or a certificate with its key. */
function apnsCredentialOf(
  { keyId = '', teamId = '', bundleId = '' }: Readonly<Record<string, string | undefined>>,
  { p8, cert = '', key = '' }: Readonly<Record<string, string>>,
): ApnsCredential {
  return p8 === undefined
    ? { kind: 'p12', bundleId, certificate: { cert, key } }
    : { kind: 'p8', keyId, teamId, bundleId, p8 }
}
