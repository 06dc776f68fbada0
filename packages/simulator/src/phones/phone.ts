/**
 * A virtual phone: it holds a token of a stand-in, registers it with a real server over the device protocol, shows
 * what arrives once, and reports it.
 *
 *     new --open--> installed --uninstall--> away --comeBack--> installed (same hwid, new token)
 *
 * A gateway may be asked twice for one message, so a push with the apns-id or the hash of an earlier one is counted
 * as a repeat and neither shown nor reported again.
 *
 * There may be half a million in a process: what they share lies in their home, and all that a phone draws (its tokens,
 * what its person opens) follows from its own seed, whatever the others do.
 */
import type { ApnsEnvironment } from '../apns/team-keys.ts'
import type { AcceptedPush } from '../gateway/air.ts'
import { drawSeed, nextState, numberAt, type Random } from '../randomness.ts'
import type { Simulator } from '../simulator.ts'
import { DeviceApi, type Fields, type RoostAccess } from './device-api.ts'
import { type Display, displayOf, type PhoneKind } from './display.ts'
import {
  type Address,
  addressFields,
  DEVICE_TYPES,
  type EndOptions,
  endAddress,
  newHwid,
  obtainAddress,
  type PhonePlatform,
  particulars,
} from './platform.ts'
import { ReceiptPost } from './receipts.ts'

export interface PhoneOptions {
  readonly simulator: Simulator
  /** A `DeviceApi` is shared between phones and closed by its owner. */
  readonly roost: RoostAccess | DeviceApi
  readonly platform: PhonePlatform
  /** Default a new one in the platform's form. */
  readonly hwid?: string
  /** Default the hwid, as clients do. */
  readonly userId?: string
  /** Set at registration. */
  readonly tags?: Fields
  readonly language?: string
  /** Seconds east of Greenwich, default 0. */
  readonly timezone?: number
  /** One number of it is the phone's seed; default `Math.random`. */
  readonly random?: Random
  /** Default a post of its own without limits. */
  readonly receipts?: ReceiptPost
  /** Share of shown notifications that the person opens, 0 to 1; default 0. */
  readonly openRate?: number
}

/** What phones have in common. */
export interface PhoneHome {
  readonly simulator: Simulator
  readonly api: DeviceApi
  readonly receipts: ReceiptPost
  readonly openRate: number
  /** False counts what is shown without keeping it, for crowds. */
  readonly keepsShown: boolean
  readonly language: string
  readonly timezone: number
  readonly tagsFor: ((number: number) => Fields | undefined) | undefined
}

export interface PhoneParticulars {
  /** In its crowd. */
  readonly number: number
  readonly platform: PhonePlatform
  readonly seed: number
  readonly hwid?: string | undefined
  readonly userId?: string | undefined
}

export interface ShownNotification {
  readonly hash: string | undefined
  readonly title: string | undefined
  readonly body: string | undefined
  readonly collapseKey: string | undefined
  readonly push: AcceptedPush
}

export interface RestoreOptions {
  /** Whether the app's own data, the hwid with it, came along. */
  readonly keepsHwid: boolean
  /** In its crowd; default that of the old phone. */
  readonly number?: number
}

/** Names of pushes that a phone remembers; two a push. */
const MAX_SEEN = 512
const NOTHING: readonly never[] = []

/** Makes a phone that is not installed anywhere yet: `open()` it. */
export function createPhone(options: PhoneOptions): Phone {
  const {
    simulator,
    roost,
    random = Math.random,
    openRate = 0,
    language = 'en',
    timezone = 0,
    tags,
  } = options
  const api = roost instanceof DeviceApi ? roost : new DeviceApi(roost)
  const receipts = options.receipts ?? new ReceiptPost(random)
  const tagsFor = () => tags
  const home = { simulator, api, receipts, openRate, keepsShown: true, language, timezone, tagsFor }
  const { platform, hwid, userId } = options
  const phone = new Phone(home, { number: 0, platform, seed: drawSeed(random), hwid, userId })
  phone.ownsApi = api !== roost
  return phone
}

export class Phone {
  readonly hwid: string
  readonly number: number
  /** Its connections end with it. */
  ownsApi = false
  readonly #home: PhoneHome
  readonly #platform: PhonePlatform
  #environment: ApnsEnvironment
  #userId: string | undefined
  #address: Address | undefined
  #isOnline = true
  #isPermitted = true
  #state: number
  #seen: number[] | undefined
  #shown: readonly ShownNotification[] = NOTHING
  #shownCount = 0
  #pushOpenedAtMs: number | undefined
  #repeats = 0
  #ignored = 0

  constructor(home: PhoneHome, particulars: PhoneParticulars) {
    const { platform, hwid, userId } = particulars
    this.#home = home
    this.#platform = platform
    this.#environment = (platform.kind === 'ios' ? platform.environment : undefined) ?? 'production'
    this.#state = particulars.seed
    this.#userId = userId
    this.number = particulars.number
    this.hwid = hwid ?? newHwid(platform.kind, home.api.app, this.#random)
  }

  get kind(): PhoneKind {
    return this.#platform.kind
  }

  /** When its person last opened a push of their own accord (`openRate`), ms; undefined before that. */
  get pushOpenedAtMs(): number | undefined {
    return this.#pushOpenedAtMs
  }

  /** Its device token, registration token or endpoint; undefined before it is installed and after `uninstall()`. */
  get token(): string | undefined {
    return this.#address?.token
  }

  /** Undefined while nobody is logged in. */
  get userId(): string | undefined {
    return this.#userId
  }

  /** Of an iPhone: where its app is signed for. */
  get environment(): ApnsEnvironment | undefined {
    return this.kind === 'ios' ? this.#environment : undefined
  }

  get isOnline(): boolean {
    return this.#isOnline
  }

  get isPermitted(): boolean {
    return this.#isPermitted
  }

  /** What lies in the notification tray, oldest first; a later push with the same collapse key replaces. */
  get shown(): readonly ShownNotification[] {
    return this.#shown
  }

  /** Notifications shown so far, those that were replaced too. */
  get shownCount(): number {
    return this.#shownCount
  }

  /** Pushes that came again and were not shown again. */
  get repeats(): number {
    return this.#repeats
  }

  /** Pushes that the client does not understand. */
  get ignored(): number {
    return this.#ignored
  }

  /** Gets a token where it has none; the server is not told. */
  async install(): Promise<void> {
    if (this.#address === undefined && this.#mayHaveAddress()) await this.#renewAddress()
  }

  /** The app comes to the front: applicationOpen, then registerDevice with its token, a new one when it has none. */
  async open(): Promise<void> {
    this.#assertOnline()
    await this.install()
    await this.start()
    // A browser has no subscription without permission, and tells the server so.
    if (this.#mayHaveAddress()) await this.register()
    else await this.unregister()
  }

  /** applicationOpen alone: as a client calls whose person has switched notifications off in the app. */
  async start(): Promise<void> {
    this.#assertOnline()
    await this.#call('applicationOpen', this.#particulars())
  }

  /** registerDevice alone, as a client does when its token changed. */
  async register(): Promise<void> {
    if (this.#address === undefined) throw new Error('the phone has no token: open() it first')
    const tags = this.#home.tagsFor?.(this.number)
    const own = { environment: this.#environment, isPermitted: this.#isPermitted }
    await this.#call('registerDevice', {
      ...this.#particulars(),
      ...addressFields(this.kind, this.#address, own),
      ...(tags !== undefined && { tags }),
    })
  }

  async setTags(tags: Fields): Promise<void> {
    await this.#call('setTags', { tags })
  }

  /** The person switches notifications off in the app: the server is told, the token stays alive. */
  async unregister(): Promise<void> {
    await this.#call('unregisterDevice', {})
  }

  async logIn(userId: string): Promise<void> {
    this.#userId = userId
    await this.#call('registerUser', {})
  }

  /** Clients say so by naming the hwid as user. */
  async logOut(): Promise<void> {
    this.#userId = undefined
    await this.#call('registerUser', {})
  }

  /** The person taps a notification. */
  async openNotification(hash: string): Promise<void> {
    await this.#call('pushStat', { hash })
  }

  /**
   * The person forbids notifications in the system's settings. The server learns it when the app is opened. A browser's
   * subscription ends with the permission; the other tokens live on.
   */
  losePermission(): void {
    this.#isPermitted = false
    if (this.kind === 'web') this.#endAddress()
  }

  /** Allowed again; the app is opened and tells. */
  async regainPermission(): Promise<void> {
    this.#isPermitted = true
    await this.open()
  }

  /** From now on its gateway holds for it what its rules of storage allow. */
  goOffline(): void {
    this.#isOnline = false
    if (this.#address !== undefined) this.#home.simulator.setOnline(this.#address.token, false)
  }

  /** What was held arrives at once. */
  goOnline(): void {
    this.#isOnline = true
    if (this.#address !== undefined) this.#home.simulator.setOnline(this.#address.token, true)
  }

  /** The app is removed: its token dies at the gateway, the server is not told. */
  uninstall(options: EndOptions = {}): void {
    this.#endAddress(options)
    this.#shown = NOTHING
  }

  /** Installed again: the same hwid with a new token. */
  async comeBack(): Promise<void> {
    this.#assertOnline()
    this.uninstall()
    await this.open()
  }

  /** The gateway hands the app a new token while it is installed; the old one dies. */
  async refreshToken(): Promise<void> {
    this.#assertOnline()
    this.#endAddress()
    await this.#renewAddress()
    await this.register()
  }

  /**
   * An iPhone's app is built by Xcode in place of TestFlight's, or the other way about: another token in the other
   * environment. Apple does not say what becomes of the old one; here it is accepted and reaches nothing.
   */
  async switchEnvironment(): Promise<void> {
    this.#assertOnline()
    if (this.kind !== 'ios') throw new Error(`a phone of kind ${this.kind} has one environment only`)
    this.#environment = this.#environment === 'production' ? 'sandbox' : 'production'
    if (this.#address !== undefined) this.#home.simulator.leave(this.#address.token)
    await this.#renewAddress()
    await this.register()
  }

  /** Another phone from this one's backup: it gets a token of its own when it is opened. This one keeps its own. */
  restoreBackup(options: RestoreOptions): Phone {
    const { keepsHwid, number = this.number } = options
    return new Phone(this.#home, {
      number,
      platform: this.#platform,
      seed: drawSeed(this.#random),
      hwid: keepsHwid ? this.hwid : undefined,
      userId: this.#userId,
    })
  }

  /** Settles when all its receipts are posted. */
  settled(): Promise<void> {
    return this.#home.receipts.settled()
  }

  /** Leaves the air, and closes its connections if they are its own. */
  close(): void {
    const { simulator, api, receipts } = this.#home
    if (this.#address !== undefined) simulator.leave(this.#address.token)
    if (!this.ownsApi) return
    receipts.close()
    api.close()
  }

  /** Made when it is needed: kept, it would cost more than the number that it draws from. */
  get #random(): Random {
    return () => {
      this.#state = nextState(this.#state)
      return numberAt(this.#state)
    }
  }

  #mayHaveAddress(): boolean {
    return this.#isPermitted || this.kind !== 'web'
  }

  #assertOnline(): void {
    if (!this.#isOnline) throw new Error('the phone is offline: goOnline() first')
  }

  async #renewAddress(): Promise<void> {
    const { simulator, api } = this.#home
    const obtained = obtainAddress({
      simulator,
      api,
      platform: this.#platform,
      environment: this.#environment,
      hwid: this.hwid,
      random: this.#random,
    })
    // Without a wait where there is nothing to wait for: a crowd's tokens come in its own order.
    this.#address = obtained instanceof Promise ? await obtained : obtained
    simulator.listen(this.#address.token, push => this.#receive(push))
  }

  #endAddress(options: EndOptions = {}): void {
    const { simulator } = this.#home
    const token = this.#address?.token
    if (token === undefined) return
    simulator.leave(token)
    this.#address = undefined
    endAddress(simulator, this.kind, token, options)
  }

  #receive(push: AcceptedPush): void {
    const display = displayOf(this.kind, push)
    if (display === undefined) this.#ignored++
    else if (this.#isRepeat(push)) this.#repeats++
    else this.#present(push, display)
  }

  #isRepeat({ messageId, hash }: AcceptedPush): boolean {
    const names = hash === undefined ? [fingerprint(messageId)] : [fingerprint(messageId), fingerprint(hash)]
    const seen = this.#seen
    if (seen === undefined) {
      this.#seen = names
      return false
    }
    const isRepeat = names.some(name => seen.includes(name))
    if (seen.length >= MAX_SEEN) seen.splice(0, names.length)
    seen.push(...names)
    return isRepeat
  }

  #present(push: AcceptedPush, display: Display): void {
    const { hash } = push
    const isVisible = display.isVisible && this.#isPermitted
    if (isVisible) this.#show(push, display)
    if (hash === undefined) return
    // iOS runs the app's extension for what it shows; Android's client is handed all.
    const reports = display.reportsDelivery && (this.#isPermitted || this.kind !== 'ios')
    if (reports) this.#report('messageDeliveryEvent', hash, push)
    const { openRate } = this.#home
    if (!isVisible || openRate === 0 || this.#random() >= openRate) return
    this.#pushOpenedAtMs = this.#home.simulator.now()
    this.#report('pushStat', hash, push)
  }

  #show(push: AcceptedPush, { title, body }: Display): void {
    this.#shownCount++
    if (!this.#home.keepsShown) return
    const { hash, payload } = push
    // An Android client shows one of a tag; the gateway's key drops only what is stored.
    const tag = payload?.pw_msg_tag
    const collapseKey = typeof tag === 'string' ? tag : push.collapseKey
    const kept = this.#shown.filter(old => collapseKey === undefined || old.collapseKey !== collapseKey)
    this.#shown = [...kept, { hash, title, body, collapseKey, push }]
  }

  #report(method: 'messageDeliveryEvent' | 'pushStat', hash: string, push: AcceptedPush): void {
    const metaData = push.payload?.md
    const fields = { hash, ...(metaData !== undefined && { metaData }) }
    this.#home.receipts.post(retries => this.#call(method, fields, retries), this.#random)
  }

  #call(method: string, fields: Fields, retries = 0): Promise<Fields> {
    const { hwid, kind } = this
    const { api } = this.#home
    const common = { application: api.app, hwid, device_type: DEVICE_TYPES[kind], v: '1.0.0' }
    return api.call(method, { ...common, userId: this.#userId ?? hwid, ...fields }, retries)
  }

  #particulars(): Fields {
    const { language, timezone } = this.#home
    return particulars(this.kind, language, timezone)
  }
}

/** 32 bits of a name (FNV-1a): the names themselves of half a million phones are a hundred megabytes. */
function fingerprint(name: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193)
  return hash
}
