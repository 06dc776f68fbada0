/**
 * A stand-in for Firebase Cloud Messaging's HTTP v1 API and Google's token endpoint.
 *
 * Source: Firebase, REST reference of projects.messages:send. The limit of 100 streams on a connection is the one
 * that Google's own SDK respects.
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
import type { Tally } from '../gateway/tally.ts'
import { type Random, randomHex } from '../randomness.ts'
import { type FcmMessage, type FcmTarget, isRefusal, readMessage } from './message.ts'
import { GoogleAccounts, type ServiceAccount } from './oauth.ts'
import { type FcmProject, Projects, type ThirdPartyAuthOptions } from './projects.ts'
import { type DeviceLimitOptions, isThrottle, type LimitOptions, Quotas } from './quotas.ts'
import { type FcmRefusal, refusalAnswer } from './refusals.ts'
import {
  type IssueRegistrationTokenOptions,
  type KillRegistrationTokenOptions,
  RegistrationTokens,
} from './registration-tokens.ts'
import { FCM_STORAGE } from './storage.ts'
import { StreamLimit } from './streams.ts'
import { type FcmTopicFault, TopicManagement } from './topic-management.ts'
import { Topics } from './topics.ts'

const SETTINGS = { maxConcurrentStreams: 100, initialWindowSize: 1_048_576 }
const SEND_PATH = /^\/v1\/projects\/(?<project>[^/]+)\/messages:send$/

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

export interface CreateProjectOptions {
  /** Of the service account, RSA as PKCS #8 in PEM; default a new one, which takes a quarter of a second to make. */
  readonly privateKey?: string
}

export class FcmGateway {
  readonly faults: Faults<FcmFault>
  readonly tokenFaults: Faults<GoogleTokenFault>
  /** For subscriptions to topics, by token. */
  readonly topicFaults: Faults<FcmTopicFault>
  readonly #options: FcmGatewayOptions
  readonly #accounts: GoogleAccounts
  readonly #projects: Projects
  readonly #tokens: RegistrationTokens
  readonly #topics: Topics
  readonly #topicManagement: TopicManagement
  readonly #quotas: Quotas
  readonly #streams: StreamLimit
  #listeners: { readonly fcm: GatewayListener; readonly googleToken: GatewayListener } | undefined
  #tokenRequests = 0

  constructor(options: FcmGatewayOptions) {
    const { random, clock, air } = options
    this.#options = options
    this.faults = new Faults(random)
    this.tokenFaults = new Faults(random)
    this.topicFaults = new Faults(random)
    this.#accounts = new GoogleAccounts(random, clock)
    this.#projects = new Projects(random)
    this.#tokens = new RegistrationTokens(random)
    this.#topics = new Topics(clock)
    this.#topicManagement = new TopicManagement({
      topics: this.#topics,
      tokens: this.#tokens,
      faults: this.topicFaults,
      random,
      authorize: (request, name) => this.#authorize(request, name),
    })
    this.#quotas = new Quotas(clock)
    this.#streams = new StreamLimit(this.faults)
    air.storeBy('fcm', FCM_STORAGE)
  }

  async start(): Promise<void> {
    const { host, ports, identity, tally } = this.#options
    const common = { host, identity, settings: SETTINGS, allowHttp1: true }
    this.#listeners = await openAll({
      fcm: listen({
        ...common,
        port: ports.fcm,
        faults: this.#streams,
        answer: request => this.#answer(request),
        onConnection: () => tally.connected('fcm'),
      }),
      googleToken: listen({
        ...common,
        port: ports.googleToken,
        faults: this.tokenFaults,
        answer: request => this.#answerTokenRequest(request),
      }),
    })
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
  async createProject(
    options: CreateProjectOptions = {},
  ): Promise<FcmProject & { readonly serviceAccount: ServiceAccount }> {
    const project = this.#projects.create()
    const { privateKey } = options
    const serviceAccount = await this.#accounts.create(project.projectId, this.tokenUrl, privateKey)
    return { ...project, serviceAccount }
  }

  /** Refuses its assertions and the access tokens that it has already. */
  disableServiceAccount(account: Pick<ServiceAccount, 'client_email'>): void {
    this.#accounts.setDisabled(account.client_email, true)
  }

  enableServiceAccount(account: Pick<ServiceAccount, 'client_email'>): void {
    this.#accounts.setDisabled(account.client_email, false)
  }

  deleteServiceAccount(account: Pick<ServiceAccount, 'client_email'>): void {
    this.#accounts.delete(account.client_email)
  }

  /** Without the permission the account still gets access tokens, and FCM refuses them with 403. */
  setPermission(account: Pick<ServiceAccount, 'client_email'>, mayMessage: boolean): void {
    this.#accounts.setPermission(account.client_email, mayMessage)
  }

  /** Switches the messaging API of a project on or off. */
  setService(projectId: string, isEnabled: boolean): void {
    this.#projects.setService(projectId, isEnabled)
  }

  /** The key that the project holds for Apple or for browsers is bad; `apnsReason` is what APNs says to it. */
  failThirdPartyAuth(options: ThirdPartyAuthOptions & { readonly apnsReason?: string }): void {
    this.#projects.failThirdPartyAuth(options, options.apnsReason)
  }

  mendThirdPartyAuth(options: ThirdPartyAuthOptions): void {
    this.#projects.mendThirdPartyAuth(options)
  }

  /** For access tokens given out from now on; default 3599. */
  setAccessTokenLifetime(seconds: number): void {
    this.#accounts.setLifetime(seconds)
  }

  limitMessages(options: LimitOptions): void {
    this.#quotas.limitProject(options)
  }

  /** For every Android device. */
  limitDevices(options: DeviceLimitOptions): void {
    this.#quotas.limitDevices(options)
  }

  /**
   * From now on a connection with more open streams ends by GOAWAY with PROTOCOL_ERROR, as Google's does above 100;
   * undefined ends that. HTTP/2's own limit stays at 100, so that it takes a smaller number to see it.
   */
  limitStreams(max: number | undefined): void {
    this.#streams.set(max)
  }

  issueToken(options: IssueRegistrationTokenOptions): string {
    return this.#tokens.issue(options)
  }

  killToken(token: string, options?: KillRegistrationTokenOptions): void {
    this.#tokens.kill(token, options)
  }

  /** As if it had never died, which does not happen to a registration token in real life. */
  reviveToken(token: string): void {
    this.#tokens.revive(token)
  }

  /** An app that was dead comes back under its installation id. A registration token is refused. */
  registerAgain(fid: string): void {
    this.#tokens.registerAgain(fid)
  }

  /** The topics that this token is subscribed to. */
  topicsOf(token: string): readonly string[] {
    return [...this.#topics.of(token)].sort()
  }

  async close(): Promise<void> {
    for (const faults of [this.faults, this.tokenFaults, this.topicFaults]) faults.releaseAnswers()
    await Promise.all(Object.values(this.#listeners ?? {}).map(listener => listener.close()))
  }

  async #answerTokenRequest(request: GatewayRequest): Promise<GatewayReply> {
    this.#tokenRequests++
    const fault = this.tokenFaults.take('')
    await this.tokenFaults.pace('', fault)
    if (fault === undefined) return this.#accounts.answer(request, this.tokenUrl)
    return 'drop' in fault ? fault.drop : fault
  }

  /** Without a promise where nothing has to wait, so that load tests measure what they are for. */
  #answer(request: GatewayRequest): GatewayReply | Promise<GatewayReply> {
    const project = SEND_PATH.exec(request.path)?.groups?.project
    const others = project === undefined ? this.#topicManagement.answer(request) : undefined
    const reply = others ?? this.#answerSend(request, project)
    const answered = () => this.#streams.answered(request.connection)
    if (reply instanceof Promise) return reply.finally(answered)
    // A limit sees the streams that were opened together.
    if (this.#streams.isLimited) return Promise.resolve(reply).finally(answered)
    answered()
    return reply
  }

  /** `project`: as its path names it. */
  #answerSend(request: GatewayRequest, project: string | undefined): GatewayReply | Promise<GatewayReply> {
    const message = readMessage(parseObject(request.body))
    const token = isRefusal(message) ? '' : message.target.value
    const { tally } = this.#options
    tally.requested('fcm')
    if (!isRefusal(message)) tally.attempted(token, this.#hashOf(message))
    const isSend = project !== undefined && request.method === 'POST'
    const authorized = isSend ? this.#authorize(request, project) : ({ form: 'html_404' } as const)
    const fault = typeof authorized === 'string' ? this.faults.take(token) : undefined
    const reply = this.#decide(authorized, message, fault)
    return this.faults.hasToWait(fault) ? this.faults.pace(token, fault).then(() => reply) : reply
  }

  #decide(
    authorized: string | FcmRefusal,
    message: FcmMessage | FcmRefusal,
    fault: FcmFault | undefined,
  ): GatewayReply {
    if (typeof authorized !== 'string') return this.#refuse(authorized)
    const token = isRefusal(message) ? '' : message.target.value
    if (fault !== undefined) return 'drop' in fault ? fault.drop : this.#refuse(fault, token)
    const overQuota = this.#quotas.checkProject(authorized)
    if (overQuota !== undefined) return this.#refuse(overQuota)
    const refusal = isRefusal(message) ? message : this.#judge(authorized, message)
    if (!isThrottle(refusal)) this.#quotas.useProject(authorized)
    if (refusal !== undefined) return this.#refuse(refusal, token)
    return this.#accept(authorized, message as FcmMessage)
  }

  /** The id of the project that the request may speak for; `name` is what its path calls it. */
  #authorize(request: GatewayRequest, name: string | undefined): string | FcmRefusal {
    const bearer = this.#accounts.bearer(request.headers.authorization)
    if (bearer.state !== 'good')
      return { form: bearer.state === 'missing' ? 'credentials_missing' : 'unauthenticated' }
    const projectId = name === undefined ? bearer.projectId : this.#projects.idOf(name)
    if (projectId !== bearer.projectId || !bearer.mayMessage) return { form: 'permission_denied', projectId }
    return this.#projects.checkService(projectId) ?? projectId
  }

  #judge(projectId: string, message: FcmMessage): FcmRefusal | undefined {
    const { kind, value: token } = message.target
    if (kind === 'topic' || kind === 'condition') return undefined
    const platform = this.#tokens.platformOf(token)
    const known = this.#tokens.check(token, kind, projectId)
    // Where Apple must be asked about the token, it looks at the key first.
    const isApples = known === undefined || known.form === 'apns_disabled'
    const refusal = (isApples ? this.#projects.checkThirdPartyAuth(projectId, platform) : undefined) ?? known
    if (refusal !== undefined || platform !== 'android') return refusal
    return (
      this.#tokens.checkPackage(token, message.restrictedPackageName) ??
      this.#quotas.useDevice(token, message.isCollapsible && message.ttlSeconds !== 0)
    )
  }

  #accept(projectId: string, message: FcmMessage): GatewayReply {
    const { random, tally } = this.#options
    const { isDryRun, target } = message
    const messageId = isDryRun ? 'fake_message_id' : `0:${randomHex(random, 16)}%${randomHex(random, 16)}`
    if (!isDryRun) {
      tally.accepted('fcm', target.value, this.#hashOf(message))
      for (const token of this.#receivers(projectId, target)) this.#carry(token, message, messageId)
    }
    return {
      status: 200,
      headers: { 'content-type': 'application/json; charset=UTF-8' },
      body: JSON.stringify({ name: `projects/${projectId}/messages/${messageId}` }),
    }
  }

  #receivers(projectId: string, target: FcmTarget): readonly string[] {
    if (target.kind === 'token' || target.kind === 'fid') return [target.value]
    const subscribed = !('condition' in target)
      ? this.#topics.subscribers(projectId, target.value)
      : this.#topics.everybody(projectId).filter(token => target.condition(this.#topics.of(token)))
    return subscribed.filter(token => this.#tokens.isAlive(token))
  }

  #carry(token: string, message: FcmMessage, messageId: string): void {
    const payload = message.payloadOn(this.#tokens.platformOf(token))
    const { collapseKey, ttlSeconds } = message
    const push = { gateway: 'fcm', token, payload, messageId, collapseKey, ttlSeconds, headers: {} } as const
    this.#options.air.carry({ ...push, hash: hashOf(payload) })
  }

  #refuse(refusal: FcmRefusal, token = ''): GatewayReply {
    const { tally, clock, random } = this.#options
    tally.refused('fcm', refusal.form)
    if (refusal.form === 'unregistered' || refusal.form === 'apns_disabled')
      tally.endTold(token, { gateway: 'fcm', atMs: clock(), sinceMs: undefined })
    return refusalAnswer(refusal, random)
  }

  #hashOf(message: FcmMessage): string | undefined {
    const platform = this.#tokens.platformOf(message.target.value)
    return hashOf(message.payloadOn(platform)) ?? hashOf(message.payloadOn('android'))
  }

  #started(): { readonly fcm: GatewayListener; readonly googleToken: GatewayListener } {
    if (this.#listeners === undefined) throw new Error('the FCM stand-in is not started')
    return this.#listeners
  }
}
