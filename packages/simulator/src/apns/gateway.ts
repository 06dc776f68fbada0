/**
 * A stand-in for Apple's push service: two hosts with separate keys, tokens and channels, and a host for the management of
 * channels beside each.
 *
 * Source: Apple, "Sending notification requests to APNs", "Establishing a connection to APNs"; the numbers in SETTINGS
 * are those that implementers saw on the wire.
 */
import type { ServerIdentity } from '../authority.ts'
import type { Air } from '../gateway/air.ts'
import type { Faults, GoAway } from '../gateway/faults.ts'
import {
  type GatewayConnection,
  type GatewayListener,
  type GatewayReply,
  type GatewayRequest,
  listen,
  openAll,
} from '../gateway/listener.ts'
import type { StorageRule } from '../gateway/mailbox.ts'
import type { Tally } from '../gateway/tally.ts'
import type { Random } from '../randomness.ts'
import { Access } from './access.ts'
import { type ApnsCertificate, Certificates, type CreateCertificateOptions } from './certificates.ts'
import { type Channel, Channels } from './channels.ts'
import { ApnsConnection, STREAMS_BEFORE_CREDENTIAL } from './connection.ts'
import { DeviceTokens, type IssueDeviceTokenOptions, type KillDeviceTokenOptions } from './device-tokens.ts'
import { ManagementHost } from './management-host.ts'
import { ProviderTokenCheck } from './provider-token.ts'
import { PushHost } from './push-host.ts'
import { readHeaders } from './request.ts'
import { type ApnsSettings, DEFAULT_SETTINGS } from './settings.ts'
import { type ApnsEnvironment, type CreateTeamKeyOptions, type TeamKey, TeamKeys } from './team-keys.ts'
import type { ApnsFault, ApnsHost, ApnsWorld } from './world.ts'

const SETTINGS = {
  maxConcurrentStreams: STREAMS_BEFORE_CREDENTIAL,
  initialWindowSize: 65_535,
  headerTableSize: 4096,
  maxFrameSize: 16_384,
  maxHeaderListSize: 8000,
}
/** One notification for each app on each device, whatever its kind; the token names both. */
const STORAGE: StorageRule = { maxSeconds: 30 * 86_400, keep: (_held, next) => [next] }

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
  readonly #options: ApnsGatewayOptions
  readonly #keys: TeamKeys
  readonly #certificates: Certificates
  readonly #world: ApnsWorld
  readonly #pushes: PushHost
  readonly #management: ManagementHost
  readonly #connections = new WeakMap<GatewayConnection, ApnsConnection>()
  #listeners: Listeners | undefined

  constructor(options: ApnsGatewayOptions) {
    const { random, clock, identity, air, tally } = options
    this.#options = options
    this.#keys = new TeamKeys(random)
    this.#certificates = new Certificates(identity.authority, clock)
    const providerTokens = new ProviderTokenCheck(this.#keys, clock)
    this.#world = {
      access: new Access({ keys: this.#keys, certificates: this.#certificates, providerTokens }),
      tokens: new DeviceTokens(random, clock),
      channels: new Channels(random),
      tally,
      air,
      clock,
      random,
      settings: DEFAULT_SETTINGS,
    }
    this.#pushes = new PushHost(this.#world)
    this.#management = new ManagementHost(this.#world)
    air.storeBy('apns', STORAGE)
  }

  get faults(): Faults<ApnsFault> {
    return this.#pushes.faults
  }

  /** Of the two hosts for channels; their "token" is the bundle id. */
  get managementFaults(): Faults<ApnsFault> {
    return this.#management.faults
  }

  async start(): Promise<void> {
    const { production, sandbox, manageProduction = 0, manageSandbox = 0 } = this.#options.ports
    this.#listeners = await openAll({
      production: this.#listen(this.#pushes, 'production', production),
      sandbox: this.#listen(this.#pushes, 'sandbox', sandbox),
      manageProduction: this.#listen(this.#management, 'production', manageProduction),
      manageSandbox: this.#listen(this.#management, 'sandbox', manageSandbox),
    })
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
    const world = this.#world
    world.settings = { ...world.settings, ...settings }
    if ('fuzzyDeath' in settings) world.tokens.setFuzzyDeath(settings.fuzzyDeath)
    if (settings.streams === undefined) return
    for (const connection of this.#open()) this.#connections.get(connection)?.resize(world.settings)
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
    return this.#world.tokens.issue(options)
  }

  killToken(token: string, options?: KillDeviceTokenOptions): void {
    this.#world.tokens.kill(token, options)
  }

  /** The app obtained the same token again. */
  reviveToken(token: string): void {
    this.#world.tokens.revive(token)
  }

  /** The Live Activity is over, and its update token with it: 410 ExpiredToken. An accepted `end` does it, too. */
  endActivity(token: string): void {
    this.#world.tokens.expire(token)
  }

  /** Whether the app may use channels at all; true until it is set to false. */
  setBroadcast(bundleId: string, isEnabled: boolean): void {
    this.#world.channels.setEnabled(bundleId, isEnabled)
  }

  /** A device listens to a channel: it gets what the channel keeps, and each broadcast from now on. */
  subscribe(options: ChannelOptions, token: string): void {
    const channel = this.#channel(options)
    channel.subscribers.add(this.#world.tokens.known(token).token)
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
    const channel = this.#world.channels.find(bundleId, environment, channelId)
    if (channel === undefined) throw new Error(`${bundleId} has no such channel in ${environment}`)
    return channel
  }

  #listen(answering: ApnsHost, environment: ApnsEnvironment, port: number): Promise<GatewayListener> {
    const { host, identity } = this.#options
    return listen({
      host,
      port,
      identity,
      settings: SETTINGS,
      allowHttp1: false,
      asksForCertificate: true,
      faults: answering.faults,
      answer: request => this.#answer(answering, request),
      onConnection: connection => {
        if (answering === this.#pushes) this.#world.tally.connected('apns')
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
    if (reason === undefined) known.prove(this.#world.settings)
    else if (this.#world.settings.refusesCertificates === 'goaway') connection.goAway({ reason }, 0)
    else if (this.#world.settings.refusesCertificates === 'reset') connection.destroy()
  }

  #answer(host: ApnsHost, request: GatewayRequest): GatewayReply | Promise<GatewayReply> {
    const { access } = this.#world
    const headers = readHeaders(request.rawHeaders)
    const connection = this.#connections.get(request.connection) as ApnsConnection
    const asked = { request, headers, connection }
    if (access.knows(headers, connection)) return host.answer(asked)
    return access.learn(headers).then(() => host.answer(asked))
  }
}
