/**
 * Broadcast channels: one request updates a Live Activity on every device that subscribed (iOS 18 and later). Channels
 * are managed at hosts of their own; broadcasts go to the host of all pushes. A channel can't start an activity, belongs
 * to one app and one environment, and an app has 10 000 at most.
 * Source: Apple, "Sending channel management requests to APNs" and "Sending broadcast push notification requests to
 * APNs".
 */
import { isObject, readJsonObject } from '../answer.ts'
import type { Clock } from '../clock.ts'
import type { Transport, TransportResult } from '../transport.ts'
import { describeApsFault } from './aps.ts'
import type { ApnsCredential, ProviderTokens } from './auth.ts'
import { type ChannelFault, isAlreadyGone, readChannelFault } from './channel-outcome.ts'
import { describeSizeFault, expirationOf } from './payload.ts'
import { ApnsSession } from './session.ts'
import {
  APNS_MANAGE_ORIGINS,
  APNS_ORIGINS,
  type ApnsEnvironment,
  DEFAULT_DEADLINE_MS,
  MAX_BROADCAST_BYTES,
} from './settings.ts'

export interface ApnsChannelsOptions {
  readonly credential: ApnsCredential
  readonly environment: ApnsEnvironment
  /** Stays the caller's. Ten thousand channels make a list of half a megabyte, which it has to let through whole. */
  readonly transport: Transport
  readonly clock: Clock
  /** One for the process. */
  readonly tokens?: ProviderTokens
  /** Origin for broadcasts instead of Apple's own. */
  readonly baseUrl?: string
  /** Origin for managing channels instead of Apple's own. */
  readonly manageUrl?: string
  /** For each request. Default 30 000. */
  readonly deadlineMs?: number
}

/** `none`: who is offline misses an update. `newest`: Apple keeps the last one for up to 8 hours. */
export type ChannelStorage = 'none' | 'newest'

export interface ApnsChannel {
  /** Base64, given by Apple. */
  readonly channelId: string
  readonly storage: ChannelStorage
}

export interface ApnsBroadcast {
  readonly channelId: string
  /** `event` (`update` or `end`), `content-state` and more in Apple's spelling; `timestamp` is now by default. */
  readonly aps: Readonly<Record<string, unknown>>
  /** Default 10, which counts against the budget of each device; 5 does not. */
  readonly priority?: 5 | 10
  /** How long Apple may store it; must be 0, the default, for a channel that stores nothing. */
  readonly ttlSeconds?: number
}

export type ChannelResult<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly fault: ChannelFault }

/** No call rejects: what goes wrong is a `fault` in its result. */
export interface ApnsChannels {
  /** Not safe to repeat after `uncertain`: there may be a channel that nobody knows; `list` shows it. */
  create(options: { readonly storage: ChannelStorage }): Promise<ChannelResult<ApnsChannel>>
  read(channelId: string): Promise<ChannelResult<ApnsChannel>>
  /** All ids of the app in this environment. */
  list(): Promise<ChannelResult<readonly string[]>>
  /** `channel_unknown` when it is gone already. */
  delete(channelId: string): Promise<ChannelResult<undefined>>
  /** The value is Apple's id for the broadcast, if it gave one. */
  send(broadcast: ApnsBroadcast): Promise<ChannelResult<string | undefined>>
}

/** Throws a TypeError when key or certificate are none. */
export function createApnsChannels(options: ApnsChannelsOptions): ApnsChannels {
  return new Channels(options)
}

/** Apple's numbers of `message-storage-policy`. */
const STORAGE_POLICIES: readonly ChannelStorage[] = ['none', 'newest']
const NO_BODY = new Uint8Array()

interface Call {
  readonly host: 'manage' | 'push'
  readonly method: 'GET' | 'POST' | 'DELETE'
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Uint8Array
}

class Channels implements ApnsChannels {
  readonly #options: ApnsChannelsOptions
  readonly #session: ApnsSession
  readonly #origins: Readonly<Record<Call['host'], string>>
  readonly #app: string

  constructor(options: ApnsChannelsOptions) {
    const { baseUrl, manageUrl, environment, credential } = options
    this.#options = options
    this.#session = new ApnsSession(options)
    this.#origins = {
      push: new URL(baseUrl ?? APNS_ORIGINS[environment]).origin,
      manage: new URL(manageUrl ?? APNS_MANAGE_ORIGINS[environment]).origin,
    }
    this.#app = `apps/${encodeURIComponent(credential.bundleId)}`
  }

  async create({ storage }: { readonly storage: ChannelStorage }): Promise<ChannelResult<ApnsChannel>> {
    const policy = STORAGE_POLICIES.indexOf(storage)
    const body = jsonOf({ 'message-storage-policy': policy, 'push-type': 'LiveActivity' })
    const result = await this.#manage('POST', 'channels', { headers: JSON_TYPE, body })
    const channelId = result.kind === 'response' && result.status === 201 && result.headers['apns-channel-id']
    return channelId ? done({ channelId, storage }) : this.#refused(result)
  }

  async read(channelId: string): Promise<ChannelResult<ApnsChannel>> {
    const result = await this.#manage('GET', 'channels', { headers: channelHeader(channelId) })
    const storage = isStatus(result, 200) && storageIn(readJsonObject(result.body))
    return storage ? done({ channelId, storage }) : this.#refused(result)
  }

  async list(): Promise<ChannelResult<readonly string[]>> {
    const result = await this.#manage('GET', 'all-channels')
    const ids = isStatus(result, 200) && readJsonObject(result.body)?.channels
    if (!Array.isArray(ids)) return this.#refused(result)
    return done(ids.flatMap(idOf))
  }

  async delete(channelId: string): Promise<ChannelResult<undefined>> {
    const result = await this.#manage('DELETE', 'channels', { headers: channelHeader(channelId) })
    if (isStatus(result, 204) || isStatus(result, 200)) return done(undefined)
    if (isAlreadyGone(result)) return refused({ kind: 'channel_unknown', reason: 'BadPath' })
    return this.#refused(result)
  }

  async send(broadcast: ApnsBroadcast): Promise<ChannelResult<string | undefined>> {
    const { clock } = this.#options
    const { channelId, priority = 10, ttlSeconds = 0 } = broadcast
    const content = { aps: { timestamp: Math.floor(clock.now() / 1000), ...broadcast.aps } }
    const body = jsonOf(content)
    const reason =
      describeBroadcastFault(content.aps) ?? describeSizeFault(content, body.length, MAX_BROADCAST_BYTES)
    if (reason !== undefined) return refused({ kind: 'message_fault', reason })
    const headers = {
      ...JSON_TYPE,
      ...channelHeader(channelId),
      'apns-push-type': 'liveactivity',
      'apns-priority': String(priority),
      'apns-expiration': String(expirationOf(ttlSeconds, clock)),
    }
    const result = await this.#call({
      host: 'push',
      method: 'POST',
      path: `/4/broadcasts/${this.#app}`,
      headers,
      body,
    })
    return isStatus(result, 200) ? done(requestIdOf(result.headers)) : this.#refused(result)
  }

  #manage(
    method: Call['method'],
    what: 'channels' | 'all-channels',
    rest: Pick<Call, 'headers' | 'body'> = {},
  ): Promise<TransportResult> {
    return this.#call({ host: 'manage', method, path: `/1/${this.#app}/${what}`, ...rest })
  }

  #call({ host, method, path, headers = {}, body = NO_BODY }: Call): Promise<TransportResult> {
    const { deadlineMs = DEFAULT_DEADLINE_MS } = this.#options
    const origin = this.#origins[host]
    const fault = this.#session.describeFault()
    if (fault !== undefined) return Promise.resolve({ kind: 'not_sent', reason: fault })
    return this.#session.request({
      origin,
      method,
      path,
      headers,
      body,
      deadlineMs,
      style: '',
      constant: () => ({}),
    })
  }

  #refused(result: TransportResult): { ok: false; fault: ChannelFault } {
    const reason = this.#session.describeFault()
    if (reason !== undefined) return refused({ kind: 'credential_fault', reason })
    return refused(readChannelFault(result, this.#options.clock, this.#session.certificate !== undefined))
  }
}

const JSON_TYPE = { 'content-type': 'application/json' }

function channelHeader(channelId: string): Record<string, string> {
  return { 'apns-channel-id': channelId }
}

function jsonOf(content: object): Buffer {
  return Buffer.from(JSON.stringify(content))
}

function describeBroadcastFault(aps: Readonly<Record<string, unknown>>): string | undefined {
  if (aps.event === 'start') return 'broadcast_starts: a channel updates and ends activities, it starts none'
  return describeApsFault(aps, 'liveactivity')
}

type Response = Extract<TransportResult, { kind: 'response' }>

function isStatus(result: TransportResult, status: number): result is Response {
  return result.kind === 'response' && result.status === status
}

function storageIn(answer: Record<string, unknown> | undefined): ChannelStorage | undefined {
  return STORAGE_POLICIES[Number(answer?.['message-storage-policy'])]
}

/** An id stands by itself, or in an object. */
function idOf(entry: unknown): string[] {
  const id = isObject(entry) ? (entry['channel-id'] ?? entry['apns-channel-id']) : entry
  return typeof id === 'string' ? [id] : []
}

function requestIdOf(headers: Readonly<Record<string, string>>): string | undefined {
  return headers['apns-request-id'] ?? headers['apns-id']
}

function done<Value>(value: Value): { readonly ok: true; readonly value: Value } {
  return { ok: true, value }
}

function refused(fault: ChannelFault): { ok: false; fault: ChannelFault } {
  return { ok: false, fault }
}
