/**
 * What all hosts of the stand-in for Apple share, and how a request finds its answer on each of them.
 */
import type { Air } from '../gateway/air.ts'
import type { Delayed, Faults } from '../gateway/faults.ts'
import type { GatewayReply, GatewayRequest } from '../gateway/listener.ts'
import type { Tally } from '../gateway/tally.ts'
import type { Random } from '../randomness.ts'
import type { Access } from './access.ts'
import type { Channels } from './channels.ts'
import type { ApnsConnection } from './connection.ts'
import type { DeviceTokens } from './device-tokens.ts'
import type { ApnsReason, ApnsRefusal } from './refusals.ts'
import type { PushHeaders } from './request.ts'
import type { ApnsSettings } from './settings.ts'
import type { RegisteredKey } from './team-keys.ts'

/** An answer on demand: a reason (its status comes from Apple's table unless given), or no answer at all. */
export type ApnsFault =
  | (Delayed & ApnsRefusal & { readonly reason: ApnsReason | (string & {}) })
  | (Delayed & { readonly status: 200 })
  | (Delayed & { readonly drop: Extract<GatewayReply, string> })

export interface ApnsWorld {
  readonly access: Access
  readonly tokens: DeviceTokens
  readonly channels: Channels
  readonly tally: Tally
  readonly air: Air
  readonly clock: () => number
  readonly random: Random
  settings: ApnsSettings
}

export interface AskedRequest {
  readonly request: GatewayRequest
  readonly headers: PushHeaders
  readonly connection: ApnsConnection
}

export interface ApnsHost {
  readonly faults: Faults<ApnsFault>
  /** The signature of the provider token, if there is one, was looked at before. */
  answer(asked: AskedRequest): GatewayReply | Promise<GatewayReply>
}

/** Whether the credential is for the channels of this app, and the app has any. */
export function authorizeChannels(
  { access, channels }: ApnsWorld,
  bundleId: string,
  connection: ApnsConnection,
  key: RegisteredKey | undefined,
): ApnsReason | undefined {
  if (bundleId.endsWith('.push-type.liveactivity')) return 'TopicDisallowed'
  return (
    access.app(bundleId, connection, key) ?? (channels.isEnabled(bundleId) ? undefined : 'FeatureNotEnabled')
  )
}
