/**
 * A stand-in for Apple's push service: two hosts with one set of keys and separate token worlds.
 *
 * One stream at a time until the connection has shown a valid provider token, a thousand after it.
 * Source: Apple, "Sending notification requests to APNs" and "Handling notification responses from APNs"; the
 * numbers in SETTINGS are those that implementers saw on the wire.
 */
import type { ServerIdentity } from '../authority.ts'
import { type Air, hashOf, parseObject } from '../gateway/air.ts'
import { type Delayed, Faults } from '../gateway/faults.ts'
import {
  type GatewayAnswer,
  type GatewayConnection,
  type GatewayListener,
  type GatewayReply,
  type GatewayRequest,
  listen,
} from '../gateway/listener.ts'
import type { Tally } from '../gateway/tally.ts'
import { type Random, randomUuid } from '../randomness.ts'
import { DeviceTokens, type IssueDeviceTokenOptions, type KillDeviceTokenOptions } from './device-tokens.ts'
import { ProviderTokenCheck } from './provider-token.ts'
import { type ApnsReason, type ApnsRefusal, refusalAnswer, refuse } from './refusals.ts'
import { bundleIdOf, checkRequest, checkTopic, header, isMessageId, tokenInPath } from './request.ts'
import { type ApnsEnvironment, type CreateTeamKeyOptions, type TeamKey, TeamKeys } from './team-keys.ts'

const STREAMS_BEFORE_TOKEN = 1
const STREAMS_AFTER_TOKEN = 1000
const SETTINGS = {
  maxConcurrentStreams: STREAMS_BEFORE_TOKEN,
  initialWindowSize: 65_535,
  headerTableSize: 4096,
  maxFrameSize: 16_384,
  maxHeaderListSize: 8000,
}

/** An answer on demand: a reason (its status comes from Apple's table unless given), or no answer at all. */
export type ApnsFault =
  | (Delayed & ApnsRefusal & { readonly reason: ApnsReason | (string & {}) })
  | (Delayed & { readonly status: 200 })
  | (Delayed & { readonly drop: Extract<GatewayReply, string> })

export interface ApnsGatewayOptions {
  readonly host: string
  readonly ports: { readonly production: number; readonly sandbox: number }
  readonly identity: ServerIdentity
  readonly tally: Tally
  readonly air: Air
  readonly clock: () => number
  readonly random: Random
}

export class ApnsGateway {
  readonly faults: Faults<ApnsFault>
  readonly #options: ApnsGatewayOptions
  readonly #keys: TeamKeys
  readonly #tokens: DeviceTokens
  readonly #providerTokens: ProviderTokenCheck
  readonly #proven = new WeakSet<GatewayConnection>()
  #listeners: Readonly<Record<ApnsEnvironment, GatewayListener>> | undefined

  constructor(options: ApnsGatewayOptions) {
    const { random, clock } = options
    this.#options = options
    this.faults = new Faults(random)
    this.#keys = new TeamKeys(random)
    this.#tokens = new DeviceTokens(random, clock)
    this.#providerTokens = new ProviderTokenCheck(this.#keys, clock)
  }

  async start(): Promise<void> {
    const { ports } = this.#options
    this.#listeners = {
      production: await this.#listen('production', ports.production),
      sandbox: await this.#listen('sandbox', ports.sandbox),
    }
  }

  url(environment: ApnsEnvironment): string {
    if (this.#listeners === undefined) throw new Error('the APNs stand-in is not started')
    return this.#listeners[environment].origin
  }

  createTeamKey(options: CreateTeamKeyOptions): TeamKey {
    return this.#keys.create(options)
  }

  /** From now on the key's tokens are InvalidProviderToken, on open connections too. */
  revokeKey(keyId: string): void {
    this.#keys.revoke(keyId)
  }

  issueToken(options: IssueDeviceTokenOptions): string {
    return this.#tokens.issue(options)
  }

  killToken(token: string, options?: KillDeviceTokenOptions): void {
    this.#tokens.kill(token, options)
  }

  /** The app obtained the same token again. */
  reviveToken(token: string): void {
    this.#tokens.revive(token)
  }

  async close(): Promise<void> {
    this.faults.releaseAnswers()
    await Promise.all(Object.values(this.#listeners ?? {}).map(listener => listener.close()))
  }

  #listen(environment: ApnsEnvironment, port: number): Promise<GatewayListener> {
    const { host, identity, tally } = this.#options
    return listen({
      host,
      port,
      identity,
      settings: SETTINGS,
      allowHttp1: false,
      faults: this.faults,
      answer: request => this.#answer(request, environment),
      onConnection: () => tally.connected('apns'),
    })
  }

  async #answer(request: GatewayRequest, environment: ApnsEnvironment): Promise<GatewayReply> {
    const { tally, random } = this.#options
    const token = tokenInPath(request.path) ?? ''
    const given = header(request, 'apns-id')
    const messageId = isMessageId(given) ? given : randomUuid(random).toUpperCase()
    const payload = parseObject(request.body)
    tally.requested('apns')
    tally.attempted(token, hashOf(payload))

    const unauthorized = await this.#authenticate(request, environment)
    const fault = unauthorized === undefined ? this.faults.take(token) : undefined
    const reply = this.#decide(request, environment, { token, messageId, payload, unauthorized, fault })
    await this.faults.pace(token, fault)
    return reply
  }

  #decide(request: GatewayRequest, environment: ApnsEnvironment, push: ApnsPush): GatewayReply {
    const { token, messageId, unauthorized, fault } = push
    if (fault !== undefined && 'drop' in fault) return fault.drop
    const refusal =
      unauthorized ?? (fault === undefined ? this.#judge(request, environment, token) : refusalOf(fault))
    if (refusal === undefined) {
      this.#accept(request, push)
      return withId({ status: 200 }, messageId, environment, this.#options.random)
    }
    this.#options.tally.refused('apns', refusal.reason)
    return withId(refusalAnswer(refusal), messageId, environment, this.#options.random)
  }

  async #authenticate(
    request: GatewayRequest,
    environment: ApnsEnvironment,
  ): Promise<ApnsRefusal | undefined> {
    const { connection } = request
    const verdict = await this.#providerTokens.check(
      header(request, 'authorization'),
      environment,
      connection,
    )
    if (verdict.key === undefined) return refuse(verdict.reason)
    if (!this.#proven.has(connection)) {
      this.#proven.add(connection)
      connection.allowStreams(STREAMS_AFTER_TOKEN)
    }
    const reason = checkTopic(request, verdict.key, this.#keys)
    return reason === undefined ? undefined : refuse(reason)
  }

  #judge(request: GatewayRequest, environment: ApnsEnvironment, token: string): ApnsRefusal | undefined {
    const reason = checkRequest(request)
    if (reason !== undefined) return refuse(reason)
    return this.#tokens.check(token, bundleIdOf(request), environment)
  }

  #accept(request: GatewayRequest, push: ApnsPush): void {
    const { tally, air, clock } = this.#options
    const { token, messageId, payload } = push
    const hash = hashOf(payload)
    tally.accepted('apns', token, hash)
    if (!this.#tokens.isAlive(token)) return
    const expiresAt = header(request, 'apns-expiration')
    air.carry({
      gateway: 'apns',
      token,
      payload,
      hash,
      messageId,
      collapseKey: header(request, 'apns-collapse-id'),
      ttlSeconds:
        expiresAt === undefined ? undefined : Math.max(0, Number(expiresAt) - Math.floor(clock() / 1000)),
      headers: apnsHeaders(request),
    })
  }
}

interface ApnsPush {
  readonly token: string
  readonly messageId: string
  readonly payload: Readonly<Record<string, unknown>> | undefined
  readonly unauthorized: ApnsRefusal | undefined
  readonly fault: ApnsFault | undefined
}

function refusalOf(fault: ApnsFault): ApnsRefusal | undefined {
  return 'reason' in fault ? fault : undefined
}

function withId(
  answer: GatewayAnswer,
  messageId: string,
  environment: ApnsEnvironment,
  random: Random,
): GatewayAnswer {
  const headers: Record<string, string> = { ...answer.headers, 'apns-id': messageId }
  // Only the sandbox gives the key to Apple's delivery log.
  if (environment === 'sandbox') headers['apns-unique-id'] = randomUuid(random)
  return { ...answer, headers }
}

function apnsHeaders(request: GatewayRequest): Record<string, string> {
  const headers: Record<string, string> = {}
  for (const [name, value] of Object.entries(request.headers)) {
    if (name.startsWith('apns-') && typeof value === 'string') headers[name] = value
  }
  return headers
}
