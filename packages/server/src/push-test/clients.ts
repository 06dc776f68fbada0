/**
 * A gateway client for one push, over connections of its own: what a tester meets must not make those wait that carry
 * messages, and the reverse.
 */
import {
  createGuardedLookup,
  createHttp2Transport,
  createWebTransport,
  type GatewayClient,
  type ProviderTokens,
  type Transport,
} from '@roost/gateways'
import type { Environment, Provider } from '@roost/protocol'
import { type GatewayUrls, openClient as openStored } from '../credentials/clients.ts'
import type { Content } from '../credentials/content.ts'
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
  return openStored(tested, { ...options, deadlineMs: options.deadlineMs ?? DEADLINE_MS })
}
