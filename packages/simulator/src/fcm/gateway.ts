/**
 * A stand-in for Firebase Cloud Messaging's HTTP v1 API and Google's token endpoint.
 *
 * Source: Firebase, REST reference of projects.messages:send. The limit of 100 streams on a connection is the one
 * that Google's own SDK respects.
 */
import type { ServerIdentity } from '../authority.ts'
import { type Air, hashOf, parseObject } from '../gateway/air.ts'
import { type Delayed, Faults } from '../gateway/faults.ts'
import { type GatewayListener, type GatewayReply, type GatewayRequest, listen } from '../gateway/listener.ts'
import type { Tally } from '../gateway/tally.ts'
import { type Random, randomHex } from '../randomness.ts'
import { type FcmMessage, isRefusal, readMessage } from './message.ts'
import { GoogleAccounts, type ServiceAccount } from './oauth.ts'
import { type FcmRefusal, refusalAnswer } from './refusals.ts'
import { type IssueRegistrationTokenOptions, RegistrationTokens } from './registration-tokens.ts'

const SETTINGS = { maxConcurrentStreams: 100, initialWindowSize: 1_048_576 }
const SEND_PATH = /^\/v1\/projects\/(?<projectId>[^/]+)\/messages:send$/
const QUOTA_WINDOW_MS = 60_000

/** An answer on demand: one of the error forms, or no answer at all. */
export type FcmFault = (Delayed & FcmRefusal) | (Delayed & { readonly drop: Extract<GatewayReply, string> })

/** For the token endpoint: a plain HTTP answer. */
export type GoogleTokenFault =
  | (Delayed & {
      readonly status: number
      readonly body?: string
      readonly headers?: Readonly<Record<string, string>>
    })
  | (Delayed & { readonly drop: Extract<GatewayReply, string> })

export interface FcmGatewayOptions {
  readonly host: string
  readonly ports: { readonly fcm: number; readonly googleToken: number }
  readonly identity: ServerIdentity
  readonly tally: Tally
  readonly air: Air
  readonly clock: () => number
  readonly random: Random
}

export interface LimitOptions {
  readonly projectId: string
  readonly perMinute: number
  /** Absent leaves the header out, as Google sometimes does. */
  readonly retryAfter?: string
}

export class FcmGateway {
  readonly faults: Faults<FcmFault>
  readonly tokenFaults: Faults<GoogleTokenFault>
  readonly #options: FcmGatewayOptions
  readonly #accounts: GoogleAccounts
  readonly #tokens: RegistrationTokens
  readonly #limits = new Map<string, LimitOptions & { windowStartedAtMs: number; used: number }>()
  #listeners: { readonly fcm: GatewayListener; readonly googleToken: GatewayListener } | undefined
  #tokenRequests = 0

  constructor(options: FcmGatewayOptions) {
    const { random, clock } = options
    this.#options = options
    this.faults = new Faults(random)
    this.tokenFaults = new Faults(random)
    this.#accounts = new GoogleAccounts(random, clock)
    this.#tokens = new RegistrationTokens(random)
  }

  async start(): Promise<void> {
    const { host, ports, identity, tally } = this.#options
    const common = { host, identity, settings: SETTINGS, allowHttp1: true }
    this.#listeners = {
      fcm: await listen({
        ...common,
        port: ports.fcm,
        faults: this.faults,
        answer: request => this.#answer(request),
        onConnection: () => tally.connected('fcm'),
      }),
      googleToken: await listen({
        ...common,
        port: ports.googleToken,
        faults: this.tokenFaults,
        answer: request => this.#answerTokenRequest(request),
      }),
    }
  }

  get url(): string {
    return this.#started().fcm.origin
  }

  get tokenUrl(): string {
    return `${this.#started().googleToken.origin}/token`
  }

  /** How often somebody asked for an access token. */
  get tokenRequests(): number {
    return this.#tokenRequests
  }

  /** A project and the service account that may send for it. */
  async createProject(): Promise<{ readonly projectId: string; readonly serviceAccount: ServiceAccount }> {
    const projectId = `simulated-${randomHex(this.#options.random, 6)}`
    return { projectId, serviceAccount: await this.#accounts.createServiceAccount(projectId, this.tokenUrl) }
  }

  disableServiceAccount(account: Pick<ServiceAccount, 'client_email'>): void {
    this.#accounts.disable(account.client_email)
  }

  /** For access tokens given out from now on; default 3599. */
  setAccessTokenLifetime(seconds: number): void {
    this.#accounts.setLifetime(seconds)
  }

  /** A quota refilled in full each minute, counted from the first message and not from the clock's minute. */
  limitMessages(options: LimitOptions): void {
    this.#limits.set(options.projectId, { ...options, windowStartedAtMs: Number.NEGATIVE_INFINITY, used: 0 })
  }

  issueToken(options: IssueRegistrationTokenOptions): string {
    return this.#tokens.issue(options)
  }

  killToken(token: string): void {
    this.#tokens.kill(token)
  }

  /** For installation ids, which may register again; a registration token never comes back in real life. */
  reviveToken(token: string): void {
    this.#tokens.revive(token)
  }

  async close(): Promise<void> {
    this.faults.releaseAnswers()
    this.tokenFaults.releaseAnswers()
    await Promise.all(Object.values(this.#listeners ?? {}).map(listener => listener.close()))
  }

  async #answerTokenRequest(request: GatewayRequest): Promise<GatewayReply> {
    this.#tokenRequests++
    const fault = this.tokenFaults.take('')
    await this.tokenFaults.pace('', fault)
    if (fault === undefined) return this.#accounts.answer(request, this.tokenUrl)
    return 'drop' in fault ? fault.drop : fault
  }

  async #answer(request: GatewayRequest): Promise<GatewayReply> {
    const body = parseObject(request.body)
    const message = readMessage(body)
    const token = isRefusal(message) ? '' : message.target.value
    this.#options.tally.requested('fcm')
    if (!isRefusal(message)) this.#options.tally.attempted(token, hashOfMessage(message))
    const unauthorized = this.#authorize(request)
    const fault = unauthorized === undefined ? this.faults.take(token) : undefined
    const reply = this.#decide(request, message, unauthorized, fault)
    await this.faults.pace(token, fault)
    return reply
  }

  #decide(
    request: GatewayRequest,
    message: FcmMessage | FcmRefusal,
    unauthorized: FcmRefusal | undefined,
    fault: FcmFault | undefined,
  ): GatewayReply {
    if (fault !== undefined && 'drop' in fault) return fault.drop
    const refusal = unauthorized ?? fault ?? this.#judge(request, message)
    if (refusal === undefined && !isRefusal(message)) return this.#accept(projectIn(request), message)
    const { form, ...particulars } = refusal ?? { form: 'internal' as const }
    this.#options.tally.refused('fcm', form)
    return refusalAnswer({ form, ...particulars }, this.#options.random)
  }

  #authorize(request: GatewayRequest): FcmRefusal | undefined {
    const projectId = projectIn(request)
    if (request.method !== 'POST' || projectId === '') return { form: 'html_404' }
    const authorized = this.#accounts.projectOf(request.headers.authorization)
    if (authorized === undefined) return { form: 'unauthenticated' }
    return authorized === projectId ? undefined : { form: 'permission_denied' }
  }

  #judge(request: GatewayRequest, message: FcmMessage | FcmRefusal): FcmRefusal | undefined {
    const projectId = projectIn(request)
    const overQuota = this.#useQuota(projectId)
    if (overQuota !== undefined) return overQuota
    if (isRefusal(message)) return message
    const { kind, value } = message.target
    return kind === 'token' || kind === 'fid' ? this.#tokens.check(value, kind, projectId) : undefined
  }

  #useQuota(projectId: string): FcmRefusal | undefined {
    const limit = this.#limits.get(projectId)
    if (limit === undefined) return undefined
    const now = this.#options.clock()
    if (now - limit.windowStartedAtMs >= QUOTA_WINDOW_MS) {
      limit.windowStartedAtMs = now
      limit.used = 0
    }
    if (limit.used < limit.perMinute) {
      limit.used++
      return undefined
    }
    const { retryAfter } = limit
    return retryAfter === undefined ? { form: 'quota_exceeded' } : { form: 'quota_exceeded', retryAfter }
  }

  #accept(projectId: string, message: FcmMessage): GatewayReply {
    const { tally, air, random } = this.#options
    const messageId = message.isDryRun
      ? 'fake_message_id'
      : `0:${randomHex(random, 16)}%${randomHex(random, 16)}`
    const hash = hashOfMessage(message)
    const token = message.target.value
    const name = `projects/${projectId}/messages/${messageId}`
    if (!message.isDryRun) {
      tally.accepted('fcm', token, hash)
      const { collapseKey, ttlSeconds } = message
      const payload = message.apnsPayload ?? { ...message.data, ...notificationPart(message) }
      air.carry({ gateway: 'fcm', token, payload, hash, messageId, collapseKey, ttlSeconds, headers: {} })
    }
    return {
      status: 200,
      headers: { 'content-type': 'application/json; charset=UTF-8' },
      body: JSON.stringify({ name }),
    }
  }

  #started(): { readonly fcm: GatewayListener; readonly googleToken: GatewayListener } {
    if (this.#listeners === undefined) throw new Error('the FCM stand-in is not started')
    return this.#listeners
  }
}

function projectIn(request: GatewayRequest): string {
  return SEND_PATH.exec(request.path)?.groups?.projectId ?? ''
}

function hashOfMessage(message: FcmMessage): string | undefined {
  return hashOf(message.data) ?? hashOf(message.apnsPayload)
}

function notificationPart({ notification }: FcmMessage): Readonly<Record<string, unknown>> {
  return notification === undefined ? {} : { notification }
}
