/**
 * Broadcast channels: made on the management hosts, sent to on the normal one, heard by the devices that subscribed.
 *
 * Channels belong to one app in one environment, 10 000 at most. Their ids are random and have no promised size. Policy
 * 1 keeps the newest push for eight hours at most, for devices that come later; policy 0 keeps none.
 * Source: Apple, "Setting up broadcast push notifications", "Sending channel management requests to APNs".
 */
import type { AcceptedPush } from '../gateway/air.ts'
import { type Random, randomHex } from '../randomness.ts'
import type { ApnsEnvironment } from './team-keys.ts'

const MAX_CHANNELS = 10_000
const ID_BYTES = 16
const MAX_KEPT_MS = 8 * 3_600_000

export type StoragePolicy = 0 | 1

export interface Channel {
  readonly id: string
  readonly policy: StoragePolicy
  readonly subscribers: Set<string>
  newest: { readonly push: AcceptedPush; readonly expiresAtMs: number } | undefined
}

export class Channels {
  readonly #random: Random
  readonly #byApp = new Map<string, Map<string, Channel>>()
  readonly #disabledApps = new Set<string>()

  constructor(random: Random) {
    this.#random = random
  }

  /** Whether the app may use channels at all: it may until it is said not to. */
  isEnabled(bundleId: string): boolean {
    return !this.#disabledApps.has(bundleId)
  }

  setEnabled(bundleId: string, isEnabled: boolean): void {
    if (isEnabled) this.#disabledApps.delete(bundleId)
    else this.#disabledApps.add(bundleId)
  }

  /** Undefined when the app has as many as it may. */
  create(bundleId: string, environment: ApnsEnvironment, policy: StoragePolicy): Channel | undefined {
    const channels = this.#of(bundleId, environment)
    if (channels.size >= MAX_CHANNELS) return undefined
    const id = Buffer.from(randomHex(this.#random, 2 * ID_BYTES), 'hex').toString('base64')
    const channel: Channel = { id, policy, subscribers: new Set(), newest: undefined }
    channels.set(id, channel)
    return channel
  }

  find(bundleId: string, environment: ApnsEnvironment, id: string): Channel | undefined {
    return this.#of(bundleId, environment).get(id)
  }

  delete(bundleId: string, environment: ApnsEnvironment, id: string): boolean {
    return this.#of(bundleId, environment).delete(id)
  }

  ids(bundleId: string, environment: ApnsEnvironment): string[] {
    return [...this.#of(bundleId, environment).keys()]
  }

  #of(bundleId: string, environment: ApnsEnvironment): Map<string, Channel> {
    const app = `${environment} ${bundleId}`
    const known = this.#byApp.get(app)
    if (known !== undefined) return known
    const created = new Map<string, Channel>()
    this.#byApp.set(app, created)
    return created
  }
}

/** What is kept of a push, by the channel's policy; a life of 0 seconds is kept by none. */
export function keepNewest(channel: Channel, push: AcceptedPush, nowMs: number): void {
  const lifeMs = Math.min((push.ttlSeconds ?? 0) * 1000, MAX_KEPT_MS)
  if (channel.policy === 1 && lifeMs > 0) channel.newest = { push, expiresAtMs: nowMs + lifeMs }
}

export function isChannelId(text: string): boolean {
  return /^[A-Za-z0-9+/]+={0,2}$/.test(text) && text.length % 4 === 0
}
