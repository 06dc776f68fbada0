/** From what is stored of a credential to a client of its gateway: the one place that knows both. */
import {
  type ApnsCredential,
  createApnsClient,
  createFcmClient,
  createHmsClient,
  createWebPushClient,
  type Encryptors,
  type GatewayClient,
  type ProviderTokens,
  type Transport,
} from '@roost/gateways'
import type { Environment } from '@roost/protocol'
import type { Clock } from '../time.ts'
import type { Content } from './content.ts'

/** Where the gateways are; the vendors' own addresses when absent. */
export interface GatewayUrls {
  readonly apnsProduction?: string | undefined
  readonly apnsSandbox?: string | undefined
  readonly fcm?: string | undefined
  readonly googleToken?: string | undefined
  readonly hms?: string | undefined
  readonly hmsToken?: string | undefined
}

/** What a client is made of; `secret` as `Content` has it. */
export type Unsealed = Pick<Content, 'gateway' | 'settings' | 'secret'>

export interface ClientOptions {
  readonly clock: Clock
  readonly urls: GatewayUrls
  readonly transport: Transport
  /** Of APNs; the others have none. */
  readonly environment?: string | null
  /** Default: the client's own. */
  readonly deadlineMs?: number | undefined
  /** Default: tokens of its own. Apple takes no new token for a key within 20 minutes, so clients of one key share them. */
  readonly tokens?: ProviderTokens | undefined
  /** Of Web Push; default: encrypts in the calling thread. */
  readonly encryptors?: Encryptors | undefined
  /** Of Web Push; default false. */
  readonly allowPrivateEndpoints?: boolean
  /** Of FCM; default: Google's own. */
  readonly fcmMessagesPerMinute?: number | undefined
}

/** Throws when the content is none of a credential. The transport and what is shared stay the caller's to close. */
export function openClient(stored: Unsealed, options: ClientOptions): GatewayClient<never> {
  const secret = JSON.parse(stored.secret) as Record<string, string>
  const settings = stored.settings as Record<string, string | undefined>
  const { transport, clock, deadlineMs, urls } = options
  const common = { transport, clock, ...given('deadlineMs', deadlineMs) }
  switch (stored.gateway) {
    case 'apns':
      return createApnsClient({
        ...common,
        credential: apnsCredentialOf(settings, secret),
        environment: options.environment as Environment,
        ...given('baseUrl', options.environment === 'sandbox' ? urls.apnsSandbox : urls.apnsProduction),
        ...given('tokens', options.tokens),
      })
    case 'fcm':
      return createFcmClient({
        ...common,
        credential: secret,
        ...given('baseUrl', urls.fcm),
        ...given('tokenUrl', urls.googleToken),
        ...given('messagesPerMinute', options.fcmMessagesPerMinute),
      })
    case 'webpush':
      return createWebPushClient({
        ...common,
        credential: {
          publicKey: settings.publicKey ?? '',
          privateKey: secret.privateKey ?? '',
          subject: settings.subject ?? '',
        },
        allowPrivate: options.allowPrivateEndpoints ?? false,
        ...given('encryptors', options.encryptors),
      })
    default: {
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
