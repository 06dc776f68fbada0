/**
 * A stand-in for Huawei Push Kit's v1 API and its OAuth endpoint.
 *
 * One request carries up to a thousand tokens, and a token that is named twice is delivered to twice.
 * Source: Huawei, "Push Kit: REST APIs, Downlink Message". The rate of 3000 tokens a second and app is observed.
 */
import type { ServerIdentity } from '../authority.ts'
import { type Air, hashOf, parseObject } from '../gateway/air.ts'
import { type Delayed, Faults } from '../gateway/faults.ts'
import {
  type GatewayListener,
  type GatewayReply,
  type GatewayRequest,
  listen,
  openAll,
} from '../gateway/listener.ts'
import type { HeldPush, StorageRule } from '../gateway/mailbox.ts'
import type { Tally } from '../gateway/tally.ts'
import { WindowLimit } from '../gateway/window-limit.ts'
import { type Random, randomHex } from '../randomness.ts'
import { type HmsApp, HmsApps, type HmsRight } from './apps.ts'
import { type HmsResult, partialResult, resultAnswer } from './codes.ts'
import { type HmsMessage, isResult, readMessage } from './message.ts'
import { HmsPushTokens, type IssueHmsTokenOptions } from './push-tokens.ts'

const SETTINGS = { maxConcurrentStreams: 100, initialWindowSize: 1_048_576 }
const SEND_PATH = /^\/v1\/(?<clientId>[^/]+)\/messages:send$/
const TOKEN_PATH = '/oauth2/v3/token'
const TOKENS_PER_SECOND = 3000

/** One of Huawei's codes, a plain HTTP answer such as its front end's 502, or no answer at all. */
export type HmsFault =
  | (Delayed & HmsResult)
  | (Delayed & {
      readonly status: number
      readonly body?: string
      readonly headers?: Readonly<Record<string, string>>
    })
  | (Delayed & { readonly drop: Extract<GatewayReply, string> })

/** For the OAuth endpoint. */
export type HmsTokenFault = Exclude<HmsFault, HmsResult>

export interface HmsGatewayOptions {
  readonly host: string
  readonly ports: { readonly hms: number; readonly hmsToken: number }
  readonly identity: ServerIdentity
  readonly tally: Tally
  readonly air: Air
  readonly clock: () => number
  readonly random: Random
}

export interface HmsRateOptions {
  readonly appId: string
  readonly tokensPerSecond: number
}

/** Collapse key 0 keeps the newest message only, a group the newest of the group. */
const STORAGE: StorageRule = {
  maxSeconds: 15 * 86_400,
  keep: (held, next) => [...held.filter(older => !replaces(next, older)), next],
}

export class HmsGateway {
  /** A fault for a token answers every request whose first token it is. */
  readonly faults: Faults<HmsFault>
  readonly tokenFaults: Faults<HmsTokenFault>
  readonly #options: HmsGatewayOptions
  readonly #apps: HmsApps
  readonly #tokens: HmsPushTokens
  /** Tokens a second by app, where not the default. */
  readonly #rates = new Map<string, number>()
  readonly #sent = new WindowLimit()
  #listeners: { readonly hms: GatewayListener; readonly hmsToken: GatewayListener } | undefined
  #tokenRequests = 0

  constructor(options: HmsGatewayOptions) {
    const { random, clock, air } = options
    this.#options = options
    this.faults = new Faults(random)
    this.tokenFaults = new Faults(random)
    this.#apps = new HmsApps(random, clock)
    this.#tokens = new HmsPushTokens(random)
    air.storeBy('hms', STORAGE)
  }

  async start(): Promise<void> {
    const { host, ports, identity, tally } = this.#options
    const common = { host, identity, settings: SETTINGS, allowHttp1: true }
    this.#listeners = await openAll({
      hms: listen({
        ...common,
        port: ports.hms,
        faults: this.faults,
        answer: request => this.#answer(request),
        onConnection: () => tally.connected('hms'),
      }),
      hmsToken: listen({
        ...common,
        port: ports.hmsToken,
        faults: this.tokenFaults,
        answer: request => this.#answerTokenRequest(request),
      }),
    })
  }

  get url(): string {
    return this.#started().hms.origin
  }

  get tokenUrl(): string {
    return this.#started().hmsToken.origin + TOKEN_PATH
  }

  /** How often somebody asked for an access token. */
  get tokenRequests(): number {
    return this.#tokenRequests
  }

  createApp(): HmsApp {
    return this.#apps.create()
  }

  /** Gives back the new secret; the old one is refused from now on. */
  replaceSecret(appId: string): string {
    return this.#apps.replaceSecret(appId)
  }

  /** An app has every right until it is taken from it. */
  setRight(appId: string, right: HmsRight, isGranted: boolean): void {
    this.#apps.setRight(appId, right, isGranted)
  }

  /** For access tokens given out from now on; default 3600. */
  setAccessTokenLifetime(seconds: number): void {
    this.#apps.setLifetime(seconds)
  }

  /** Above it an app is answered with 503; default 3000. */
  limitRate({ appId, tokensPerSecond }: HmsRateOptions): void {
    this.#rates.set(appId, tokensPerSecond)
  }

  issueToken(options: IssueHmsTokenOptions): string {
    return this.#tokens.issue(options)
  }

  killToken(token: string): void {
    this.#tokens.kill(token)
  }

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
    if (fault !== undefined) return 'drop' in fault ? fault.drop : fault
    return request.path === TOKEN_PATH ? this.#apps.answer(request) : { status: 404 }
  }

  async #answer(request: GatewayRequest): Promise<GatewayReply> {
    const clientId = SEND_PATH.exec(request.path)?.groups?.clientId
    const message = readMessage(parseObject(request.body))
    const tokens = isResult(message) ? [] : message.tokens
    const { tally } = this.#options
    tally.requested('hms')
    if (!isResult(message)) for (const token of tokens) tally.attempted(token, hashOf(message.payload))
    if (clientId === undefined || request.method !== 'POST') return this.#refusePlain({ status: 404 })

    const first = tokens[0] ?? ''
    const unauthorized = this.#authorize(request, clientId)
    const fault = unauthorized === undefined ? this.faults.take(first) : undefined
    const reply = this.#decide(clientId, message, unauthorized, fault)
    await this.faults.pace(first, fault)
    return reply
  }

  #authorize(request: GatewayRequest, clientId: string): HmsResult | undefined {
    const bearer = this.#apps.bearer(request.headers.authorization)
    if (bearer.state === 'expired') return { code: '80200003' }
    if (bearer.state === 'unknown') return { code: '80200001' }
    const maySend = bearer.appId === clientId && this.#apps.hasRight(clientId, 'send')
    return maySend ? undefined : { code: '80300002' }
  }

  #decide(
    appId: string,
    message: HmsMessage | HmsResult,
    unauthorized: HmsResult | undefined,
    fault: HmsFault | undefined,
  ): GatewayReply {
    if (fault !== undefined && 'drop' in fault) return fault.drop
    if (fault !== undefined && 'status' in fault) return this.#refusePlain(fault)
    const refusal = unauthorized ?? fault ?? (isResult(message) ? message : undefined)
    if (refusal !== undefined) return this.#refuse(refusal)
    return this.#send(appId, message as HmsMessage)
  }

  #send(appId: string, message: HmsMessage): GatewayReply {
    const { tokens, isUrgent, isDryRun } = message
    const { tally, clock } = this.#options
    if (isUrgent && !this.#apps.hasRight(appId, 'high_priority')) return this.#refuse({ code: '80300011' })
    if (!this.#useRate(appId, tokens.length)) return this.#refusePlain({ status: 503 })
    const legal = tokens.filter(token => this.#tokens.isLegal(token, appId))
    for (const token of tokens)
      if (!legal.includes(token)) tally.endTold(token, { gateway: 'hms', atMs: clock(), sinceMs: undefined })
    if (tokens.length > 0 && legal.length === 0) return this.#refuse({ code: '80300007' })
    const requestId = newRequestId(this.#options.random, this.#options.clock())
    if (!isDryRun) for (const token of legal) this.#deliver(token, message, requestId)
    return this.#answerFor(message, legal, requestId)
  }

  #answerFor(message: HmsMessage, legal: readonly string[], requestId: string): GatewayReply {
    const { tally, random } = this.#options
    const illegal = message.tokens.filter(token => !legal.includes(token))
    if (illegal.length === 0) return resultAnswer({ code: '80000000' }, requestId, random)
    for (const _ of illegal) tally.refused('hms', '80100000')
    const msg = partialResult({
      success: legal.length,
      failure: illegal.length,
      illegalTokens: [...new Set(illegal)],
    })
    return resultAnswer({ code: '80100000', msg }, requestId, random)
  }

  #deliver(token: string, message: HmsMessage, messageId: string): void {
    const { payload, collapseKey, ttlSeconds } = message
    const hash = hashOf(payload)
    this.#options.tally.accepted('hms', token, hash)
    const headers = {}
    const push = {
      gateway: 'hms',
      token,
      payload,
      hash,
      messageId,
      collapseKey,
      ttlSeconds,
      headers,
    } as const
    this.#options.air.carry(push)
  }

  #useRate(appId: string, tokens: number): boolean {
    const perSecond = this.#rates.get(appId) ?? TOKENS_PER_SECOND
    return this.#sent.allows(appId, perSecond, 1000, this.#options.clock(), tokens)
  }

  #refuse(result: HmsResult): GatewayReply {
    const { tally, random, clock } = this.#options
    tally.refused('hms', result.code)
    return resultAnswer(result, newRequestId(random, clock()), random)
  }

  #refusePlain(answer: Extract<HmsTokenFault, { status: number }>): GatewayReply {
    this.#options.tally.refused('hms', String(answer.status))
    return answer
  }

  #started(): { readonly hms: GatewayListener; readonly hmsToken: GatewayListener } {
    if (this.#listeners === undefined) throw new Error('the HMS stand-in is not started')
    return this.#listeners
  }
}

/** The time and a number, as Huawei's are. */
function newRequestId(random: Random, nowMs: number): string {
  return String(nowMs).padStart(14, '0') + String(Number.parseInt(randomHex(random, 8), 16)).padStart(10, '0')
}

function replaces({ push: next }: HeldPush, { push: older }: HeldPush): boolean {
  if (next.collapseKey === '0') return true
  return next.collapseKey !== undefined && next.collapseKey === older.collapseKey
}
