/**
 * A stand-in for Apple's push service: two hosts with separate keys, tokens and channels, and a host for the management of
 * channels beside each.
 *
 * What is decided is decided when the request comes, in one go; only a signature that was never seen, latency and
 * held answers make it wait. So a push costs no promise, and one core serves the load tests of all others.
 * Source: Apple, "Sending notification requests to APNs", "Handling notification responses from APNs", "Sending
 * channel management requests to APNs"; the numbers in SETTINGS are those that implementers saw on the wire.
 */
import type { ServerIdentity } from '../authority.ts'
import type { AcceptedPush, Air } from '../gateway/air.ts'
import { type ConnectionFaults, type Delayed, Faults, type GoAway } from '../gateway/faults.ts'
import {
  type GatewayConnection,
  type GatewayListener,
  type GatewayReply,
  type GatewayRequest,
  type ListenOptions,
  listen,
} from '../gateway/listener.ts'
import type { Tally } from '../gateway/tally.ts'
import { WindowLimit } from '../gateway/window-limit.ts'
import { type Random, randomUuid } from '../randomness.ts'
import { Access } from './access.ts'
import { appOfBroadcast, checkBroadcast } from './broadcast.ts'
import { type ApnsCertificate, Certificates, type CreateCertificateOptions } from './certificates.ts'
import { type Channel, Channels, keepNewest } from './channels.ts'
import { ApnsConnection, STREAMS_BEFORE_CREDENTIAL } from './connection.ts'
import {
  type DeviceToken,
  DeviceTokens,
  type IssueDeviceTokenOptions,
  type KillDeviceTokenOptions,
} from './device-tokens.ts'
import { type ManagementPath, manageChannels, managementAnswer, managementPath } from './management.ts'
import { activityEvent, type Payload, PayloadReader } from './payload.ts'
import { ProviderTokenCheck } from './provider-token.ts'
import { type ApnsReason, type ApnsRefusal, refusalAnswer, refuse, statusOf } from './refusals.ts'
import {
  checkPayload,
  checkRequest,
  isMessageId,
  type PushHeaders,
  pushTypeOf,
  readHeaders,
  tokenInPath,
} from './request.ts'
import { type ApnsSettings, DEFAULT_SETTINGS } from './settings.ts'
import { type ApnsEnvironment, type CreateTeamKeyOptions, type TeamKey, TeamKeys } from './team-keys.ts'

const SETTINGS = {
  maxConcurrentStreams: STREAMS_BEFORE_CREDENTIAL,
  initialWindowSize: 65_535,
  headerTableSize: 4096,
  maxFrameSize: 16_384,
  maxHeaderListSize: 8000,
}
/** One notification for each app on each device, whatever its kind; the token names both. */
const STORAGE = {
  maxSeconds: 30 * 86_400,
  keep: (_held: unknown, next: { push: AcceptedPush; expiresAtMs: number }) => [next],
}

/** An answer on demand: a reason (its status comes from Apple's table unless given), or no answer at all. */
export type ApnsFault =
  | (Delayed & ApnsRefusal & { readonly reason: ApnsReason | (string & {}) })
  | (Delayed & { readonly status: 200 })
  | (Delayed & { readonly drop: Extract<GatewayReply, string> })

/** Ports; 0 or absent takes a free one. */
export interface ApnsPorts {
  readonly production: number
  readonly sandbox: number
  readonly manageProduction?: number
  readonly manageSandbox?: number
}

export interface ApnsGatewayOptions {
  readonly host: string
  readonly ports: ApnsPorts
  readonly identity: ServerIdentity
  readonly tally: Tally
  readonly air: Air
  readonly clock: () => number
  readonly random: Random
}

export interface ChannelOptions {
  readonly bundleId: string
  /** Default production. */
  readonly environment?: ApnsEnvironment
  readonly channelId: string
}

interface Listeners {
  readonly production: GatewayListener
  readonly sandbox: GatewayListener
  readonly manageProduction: GatewayListener
  readonly manageSandbox: GatewayListener
}

export class ApnsGateway {
  readonly faults: Faults<ApnsFault>
  /** Of the two hosts for channels; their "token" is the bundle id. */
  readonly managementFaults: Faults<ApnsFault>
  readonly #options: ApnsGatewayOptions
  readonly #keys: TeamKeys
  readonly #certificates: Certificates
  readonly #access: Access
  readonly #tokens: DeviceTokens
  readonly #channels: Channels
  readonly #deviceLimit = new WindowLimit()
  readonly #payloads = new PayloadReader()
  readonly #connections = new WeakMap<GatewayConnection, ApnsConnection>()
  readonly #appsWithoutBroadcast = new Set<string>()
  #settings = DEFAULT_SETTINGS
  #listeners: Listeners | undefined

  constructor(options: ApnsGatewayOptions) {
    const { random, clock, identity, air } = options
    this.#options = options
    this.faults = new Faults(random)
    this.managementFaults = new Faults(random)
    this.#keys = new TeamKeys(random)
    this.#certificates = new Certificates(identity.authority, clock)
    this.#access = new Access({
      keys: this.#keys,
      certificates: this.#certificates,
      providerTokens: new ProviderTokenCheck(this.#keys, clock),
    })
    this.#tokens = new DeviceTokens(random, clock)
    this.#channels = new Channels(random)
    air.storeBy('apns', STORAGE)
  }

  async start(): Promise<void> {
    const { production, sandbox, manageProduction = 0, manageSandbox = 0 } = this.#options.ports
    this.#listeners = {
      production: await this.#listenForPushes('production', production),
      sandbox: await this.#listenForPushes('sandbox', sandbox),
      manageProduction: await this.#listenForManagement('production', manageProduction),
      manageSandbox: await this.#listenForManagement('sandbox', manageSandbox),
    }
  }

  url(environment: ApnsEnvironment): string {
    return this.#started()[environment].origin
  }

  /** Where the channels of this environment are managed. */
  managementUrl(environment: ApnsEnvironment): string {
    const { manageProduction, manageSandbox } = this.#started()
    return (environment === 'production' ? manageProduction : manageSandbox).origin
  }

  /** What is not named stays as it is. */
  configure(settings: Partial<ApnsSettings>): void {
    this.#settings = { ...this.#settings, ...settings }
    if ('fuzzyDeath' in settings) this.#tokens.setFuzzyDeath(settings.fuzzyDeath)
    if (settings.streams === undefined) return
    for (const connection of this.#open()) this.#connections.get(connection)?.resize(this.#settings)
  }

  /** Throws when the team has as many keys of this kind as Apple allows. */
  createTeamKey(options: CreateTeamKeyOptions): TeamKey {
    return this.#keys.create(options)
  }

  /** From now on the key's tokens are InvalidProviderToken, on open connections too. */
  revokeKey(keyId: string): void {
    this.#keys.revoke(keyId)
  }

  /** A new app of the team, or one that it took over: connections that are open go on with the list they began with. */
  addBundleId(teamId: string, bundleId: string): void {
    this.#keys.addBundleId(teamId, bundleId)
  }

  createCertificate(options: CreateCertificateOptions): Promise<ApnsCertificate> {
    return this.#certificates.create(options)
  }

  /** New connections are turned away as the settings say; on open ones each request is 403 BadCertificate. */
  revokeCertificate(certificate: Pick<ApnsCertificate, 'fingerprint'>): void {
    this.#certificates.revoke(certificate.fingerprint)
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

  /** The Live Activity is over, and its update token with it: 410 ExpiredToken. An accepted `end` does it, too. */
  endActivity(token: string): void {
    const now = new Date(this.#options.clock())
    this.#tokens.kill(token, { reason: 'ExpiredToken', since: now, acceptedUntil: now })
  }

  /** Whether the app may use channels at all; true until it is set to false. */
  setBroadcast(bundleId: string, isEnabled: boolean): void {
    if (isEnabled) this.#appsWithoutBroadcast.delete(bundleId)
    else this.#appsWithoutBroadcast.add(bundleId)
  }

  /** A device listens to a channel: it gets what the channel keeps, and each broadcast from now on. */
  subscribe(options: ChannelOptions, token: string): void {
    const channel = this.#channel(options)
    channel.subscribers.add(this.#tokens.known(token).token)
    const { newest } = channel
    if (newest !== undefined && newest.expiresAtMs > this.#options.clock())
      this.#options.air.carry({ ...newest.push, token })
  }

  unsubscribe(options: ChannelOptions, token: string): void {
    this.#channel(options).subscribers.delete(token)
  }

  /** GOAWAY to every open connection, now. What is open by then is answered, unless `lastStreamId` is below it. */
  endConnections(goAway: GoAway, options: { readonly lastStreamId?: number } = {}): void {
    for (const connection of this.#open()) connection.goAway(goAway, options.lastStreamId)
  }

  async close(): Promise<void> {
    this.faults.releaseAnswers()
    this.managementFaults.releaseAnswers()
    await Promise.all(Object.values(this.#listeners ?? {}).map(listener => listener.close()))
  }

  #started(): Listeners {
    if (this.#listeners === undefined) throw new Error('the APNs stand-in is not started')
    return this.#listeners
  }

  #open(): GatewayConnection[] {
    const { production, sandbox } = this.#started()
    return [...production.connections(), ...sandbox.connections()]
  }

  #channel({ bundleId, environment = 'production', channelId }: ChannelOptions): Channel {
    const channel = this.#channels.find(bundleId, environment, channelId)
    if (channel === undefined) throw new Error(`${bundleId} has no such channel in ${environment}`)
    return channel
  }

  #listenForPushes(environment: ApnsEnvironment, port: number): Promise<GatewayListener> {
    return this.#listen(environment, port, this.faults, {
      answer: request => this.#answer(request),
      onConnection: () => this.#options.tally.connected('apns'),
    })
  }

  #listenForManagement(environment: ApnsEnvironment, port: number): Promise<GatewayListener> {
    return this.#listen(environment, port, this.managementFaults, {
      answer: request => this.#manage(request),
    })
  }

  #listen(
    environment: ApnsEnvironment,
    port: number,
    faults: ConnectionFaults,
    { answer, onConnection }: Pick<ListenOptions, 'answer' | 'onConnection'>,
  ): Promise<GatewayListener> {
    const { host, identity } = this.#options
    return listen({
      host,
      port,
      identity,
      settings: SETTINGS,
      allowHttp1: false,
      asksForCertificate: true,
      faults,
      answer,
      onConnection: connection => {
        onConnection?.(connection)
        this.#welcome(connection, environment)
      },
    })
  }

  #welcome(connection: GatewayConnection, environment: ApnsEnvironment): void {
    const { certificateFingerprint } = connection
    const certificate =
      certificateFingerprint === undefined ? undefined : this.#certificates.find(certificateFingerprint)
    const known = new ApnsConnection(connection, environment, certificate)
    this.#connections.set(connection, known)
    if (!known.hasCertificate) return
    const reason = this.#certificates.check(certificate, environment)
    if (reason === undefined) known.prove(this.#settings)
    else if (this.#settings.refusesCertificates === 'goaway') connection.goAway({ reason }, 0)
    else if (this.#settings.refusesCertificates === 'reset') connection.destroy()
  }

  #answer(request: GatewayRequest): GatewayReply | Promise<GatewayReply> {
    this.#options.tally.requested('apns')
    const headers = readHeaders(request.rawHeaders)
    const connection = this.#connectionOf(request)
    if (this.#access.knows(headers, connection)) return this.#answerKnown(request, headers, connection)
    return this.#access.learn(headers).then(() => this.#answerKnown(request, headers, connection))
  }

  #connectionOf(request: GatewayRequest): ApnsConnection {
    return this.#connections.get(request.connection) as ApnsConnection
  }

  #answerKnown(
    request: GatewayRequest,
    headers: PushHeaders,
    connection: ApnsConnection,
  ): GatewayReply | Promise<GatewayReply> {
    const push = this.#read(request, headers, connection)
    this.#options.tally.attempted(push.target, push.payload.hash)
    const unauthorized = this.#authorize(push)
    const fault = unauthorized === undefined ? this.faults.take(push.target) : undefined
    const reply = this.#decide(push, unauthorized, fault)
    return this.faults.hasToWait(fault) ? this.faults.pace(push.target, fault).then(() => reply) : reply
  }

  #read(request: GatewayRequest, headers: PushHeaders, connection: ApnsConnection): ApnsPush {
    const { path } = request
    const app = appOfBroadcast(path)
    const token = app === undefined ? tokenInPath(path) : undefined
    const device = token === undefined ? undefined : this.#tokens.find(token)
    return {
      request,
      headers,
      connection,
      app,
      token,
      device,
      // The registry's own text: that of the request would hold on to the whole path.
      target: device?.token ?? token ?? headers.channelId ?? '',
      payload: this.#payloads.read(request.body),
      messageId: isMessageId(headers.id) ? headers.id : randomUuid(this.#options.random).toUpperCase(),
      topic: '',
    }
  }

  #authorize(push: ApnsPush): ApnsReason | undefined {
    const { headers, connection, app } = push
    const key = this.#access.check(headers, connection)
    if (typeof key === 'string') return key
    connection.prove(this.#settings)
    if (app !== undefined) return this.#authorizeApp(app, () => this.#access.app(app, connection, key))
    const type = pushTypeOf(headers)
    if (type === undefined) return undefined // said of the request later
    const verdict = this.#access.topic(headers, type, connection, key)
    if ('reason' in verdict) return verdict.reason
    push.topic = verdict.topic
    return undefined
  }

  #authorizeApp(bundleId: string, checkOwner: () => ApnsReason | undefined): ApnsReason | undefined {
    if (bundleId.endsWith('.push-type.liveactivity')) return 'TopicDisallowed'
    return checkOwner() ?? (this.#appsWithoutBroadcast.has(bundleId) ? 'FeatureNotEnabled' : undefined)
  }

  #decide(push: ApnsPush, unauthorized: ApnsReason | undefined, fault: ApnsFault | undefined): GatewayReply {
    if (fault !== undefined && 'drop' in fault) return fault.drop
    const refusal = unauthorized === undefined ? this.#refusalOf(push, fault) : refuse(unauthorized)
    if (refusal !== undefined) return this.#refuse(push, refusal)
    this.#accept(push)
    push.connection.succeed(this.#settings, this.#options.random)
    return { status: 200, headers: this.#idHeaders(push) }
  }

  #refusalOf(push: ApnsPush, fault: ApnsFault | undefined): ApnsRefusal | undefined {
    if (fault !== undefined) return 'reason' in fault ? fault : undefined
    return push.app === undefined ? this.#judge(push) : this.#judgeBroadcast(push, push.app)
  }

  #refuse(push: ApnsPush, refusal: ApnsRefusal): GatewayReply {
    this.#options.tally.refused('apns', refusal.reason)
    push.connection.fail(refusal, statusOf(refusal), this.#settings)
    const answer = refusalAnswer(refusal)
    return { ...answer, headers: { ...answer.headers, ...this.#idHeaders(push) } }
  }

  #idHeaders({ connection, messageId }: ApnsPush): Record<string, string> {
    if (connection.environment === 'production') return { 'apns-id': messageId }
    // Only the sandbox gives the key to Apple's delivery log.
    return { 'apns-id': messageId, 'apns-unique-id': randomUuid(this.#options.random) }
  }

  #judge(push: ApnsPush): ApnsRefusal | undefined {
    const { request, headers, token, device, payload, connection, topic } = push
    const reason =
      checkRequest(request, token, headers) ??
      checkPayload(request.body, payload.json, pushTypeOf(headers)?.payloadBytes ?? 0)
    if (reason !== undefined) return refuse(reason)
    return this.#tokens.check(device, topic, connection.environment) ?? this.#checkDeviceLimit(push)
  }

  #checkDeviceLimit({ target }: ApnsPush): ApnsRefusal | undefined {
    const { deviceLimit } = this.#settings
    if (deviceLimit === undefined) return undefined
    const { pushes, windowMs } = deviceLimit
    const isAllowed = this.#deviceLimit.allows(target, pushes, windowMs, this.#options.clock())
    return isAllowed ? undefined : refuse('TooManyRequests')
  }

  #judgeBroadcast(push: ApnsPush, bundleId: string): ApnsRefusal | undefined {
    const { request, headers, payload, connection } = push
    const find = (id: string) => this.#channels.find(bundleId, connection.environment, id)
    const reason = checkBroadcast(request, headers, payload.json, find)
    return reason === undefined ? undefined : refuse(reason)
  }

  #accept(push: ApnsPush): void {
    const { tally, air } = this.#options
    const { target, device, payload, app } = push
    tally.accepted('apns', target, payload.hash)
    if (app !== undefined) return this.#broadcast(push, app)
    if (device === undefined) return
    if (device.death === undefined) {
      air.carry(this.#acceptedPush(push))
      if (device.kind === 'liveactivity' && activityEvent(payload) === 'end') this.endActivity(target)
    } else if (air.isOnline(target)) this.#tokens.notice(device)
  }

  #broadcast(push: ApnsPush, bundleId: string): void {
    const channel = this.#channels.find(bundleId, push.connection.environment, push.target)
    if (channel === undefined) return
    const accepted = this.#acceptedPush(push)
    keepNewest(channel, accepted, this.#options.clock())
    for (const token of channel.subscribers)
      if (this.#tokens.find(token)?.death === undefined) this.#options.air.carry({ ...accepted, token })
  }

  #acceptedPush({ request, headers, target, payload, messageId }: ApnsPush): AcceptedPush {
    const { expiration } = headers
    const ttlSeconds =
      expiration === undefined
        ? undefined
        : Math.max(0, Number(expiration) - Math.floor(this.#options.clock() / 1000))
    return {
      gateway: 'apns',
      token: target,
      payload: payload.json,
      hash: payload.hash,
      messageId,
      collapseKey: headers.collapseId,
      ttlSeconds,
      headers: apnsHeaders(request.rawHeaders),
    }
  }

  #manage(request: GatewayRequest): GatewayReply | Promise<GatewayReply> {
    const headers = readHeaders(request.rawHeaders)
    const connection = this.#connectionOf(request)
    if (this.#access.knows(headers, connection)) return this.#manageKnown(request, headers, connection)
    return this.#access.learn(headers).then(() => this.#manageKnown(request, headers, connection))
  }

  #manageKnown(
    request: GatewayRequest,
    headers: PushHeaders,
    connection: ApnsConnection,
  ): GatewayReply | Promise<GatewayReply> {
    const path = managementPath(request.path)
    const target = path?.bundleId ?? ''
    const unauthorized = path === undefined ? 'BadPath' : this.#authorizeManagement(path, headers, connection)
    const fault = unauthorized === undefined ? this.managementFaults.take(target) : undefined
    const reply = this.#decideManagement({ request, headers, connection, path, unauthorized, fault })
    const { managementFaults: faults } = this
    return faults.hasToWait(fault) ? faults.pace(target, fault).then(() => reply) : reply
  }

  #authorizeManagement(
    { bundleId }: ManagementPath,
    headers: PushHeaders,
    connection: ApnsConnection,
  ): ApnsReason | undefined {
    const key = this.#access.check(headers, connection)
    if (typeof key === 'string') return key
    connection.prove(this.#settings)
    return this.#authorizeApp(bundleId, () => this.#access.app(bundleId, connection, key))
  }

  #decideManagement(asked: ManagementRequest): GatewayReply {
    const { request, headers, connection, path, unauthorized, fault } = asked
    const { random } = this.#options
    if (fault !== undefined && 'drop' in fault) return fault.drop
    if (fault !== undefined && 'reason' in fault)
      return managementAnswer(refusalAnswer(fault), headers.requestId, random)
    const context = { channels: this.#channels, environment: connection.environment, random }
    const answer =
      path === undefined || unauthorized !== undefined
        ? (unauthorized ?? 'BadPath')
        : manageChannels(context, request, path, headers)
    return managementAnswer(answer, headers.requestId, random)
  }
}

/** One request on the push hosts: to a device, or to a channel of `app`. */
interface ApnsPush {
  readonly request: GatewayRequest
  readonly headers: PushHeaders
  readonly connection: ApnsConnection
  /** The bundle id in the path of a broadcast. */
  readonly app: string | undefined
  /** The device token in the path. */
  readonly token: string | undefined
  readonly device: DeviceToken | undefined
  /** The device token or the channel id. */
  readonly target: string
  readonly payload: Payload
  readonly messageId: string
  /** Of the credential or the header; empty until it is allowed. */
  topic: string
}

interface ManagementRequest {
  readonly request: GatewayRequest
  readonly headers: PushHeaders
  readonly connection: ApnsConnection
  readonly path: ManagementPath | undefined
  readonly unauthorized: ApnsReason | undefined
  readonly fault: ApnsFault | undefined
}

function apnsHeaders(rawHeaders: readonly string[]): Record<string, string> {
  const headers: Record<string, string> = {}
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string
    if (name.startsWith('apns-')) headers[name] = rawHeaders[i + 1] as string
  }
  return headers
}
