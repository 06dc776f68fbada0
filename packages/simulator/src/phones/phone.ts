/**
 * A virtual phone: it holds a token of a stand-in, registers it with a real server over the device protocol, shows
 * what arrives once, and reports it.
 *
 *     new --open--> installed --uninstall--> away --comeBack--> installed (same hwid, new token)
 *
 * A gateway may be asked twice for one message, so a push with the apns-id or the hash of an earlier one is counted
 * as a repeat and neither shown nor reported again.
 */
import type { ApnsEnvironment } from '../apns/team-keys.ts'
import type { AcceptedPush } from '../gateway/air.ts'
import { type Random, randomUuid } from '../randomness.ts'
import type { Simulator } from '../simulator.ts'
import { DeviceApi, type Fields, type RoostAccess } from './device-api.ts'
import { type Display, displayOf } from './display.ts'
import { ReceiptPost } from './receipts.ts'

/** Where the phone gets its token from. */
export type PhonePlatform =
  | { readonly kind: 'ios'; readonly bundleId: string; readonly environment?: ApnsEnvironment }
  | { readonly kind: 'android'; readonly projectId: string }
  /** Without a key the phone asks the server for it (`getConfig`), as a web client does. */
  | { readonly kind: 'web'; readonly applicationServerKey?: string }

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
  readonly random?: Random
  /** Default a post of its own without limits. */
  readonly receipts?: ReceiptPost
  /** Share of shown notifications that the person opens, 0 to 1; default 0. */
  readonly openRate?: number
}

export interface ShownNotification {
  readonly hash: string | undefined
  readonly title: string | undefined
  readonly body: string | undefined
  readonly collapseKey: string | undefined
  readonly push: AcceptedPush
}

interface Address {
  /** What the gateway knows the phone by: a token or an endpoint. */
  readonly token: string
  /** How registerDevice tells it. */
  readonly fields: Fields
}

const DEVICE_TYPES = { ios: 1, android: 3, web: 11 } as const

/** Makes a phone that is not installed anywhere yet: `open()` it. */
export function createPhone(options: PhoneOptions): Phone {
  return new Phone(options)
}

export class Phone {
  readonly hwid: string
  readonly kind: PhonePlatform['kind']
  readonly #options: PhoneOptions
  readonly #api: DeviceApi
  readonly #random: Random
  readonly #receipts: ReceiptPost
  readonly #seen = new Set<string>()
  #shown: ShownNotification[] = []
  #repeats = 0
  #ignored = 0
  #address: Address | undefined

  constructor(options: PhoneOptions) {
    const { platform, roost, random = Math.random } = options
    this.#options = options
    this.#random = random
    this.kind = platform.kind
    this.#api = roost instanceof DeviceApi ? roost : new DeviceApi(roost)
    this.#receipts = options.receipts ?? new ReceiptPost(random)
    this.hwid = options.hwid ?? newHwid(platform.kind, this.#api.app, random)
  }

  /** Its device token, registration token or endpoint; undefined before `open()` and after `uninstall()`. */
  get token(): string | undefined {
    return this.#address?.token
  }

  /** What lies in the notification tray, oldest first; a later push with the same collapse key replaces. */
  get shown(): readonly ShownNotification[] {
    return this.#shown
  }

  /** Pushes that came again and were not shown again. */
  get repeats(): number {
    return this.#repeats
  }

  /** Pushes that the client does not understand. */
  get ignored(): number {
    return this.#ignored
  }

  /** The app comes to the front: applicationOpen, then registerDevice with its token, a new one when it has none. */
  async open(): Promise<void> {
    this.#address ??= await this.#obtainAddress()
    this.#options.simulator.listen(this.#address.token, push => this.#receive(push))
    await this.#call('applicationOpen', this.#particulars())
    await this.register()
  }

  /** registerDevice alone, as a client does when its token changed. */
  async register(): Promise<void> {
    if (this.#address === undefined) throw new Error('the phone has no token: open() it first')
    const { tags } = this.#options
    await this.#call('registerDevice', {
      ...this.#particulars(),
      ...this.#address.fields,
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

  /** The person taps a notification. */
  async openNotification(hash: string): Promise<void> {
    await this.#call('pushStat', { hash })
  }

  /** The app is removed: its token dies at the gateway, the server is not told. */
  uninstall(): void {
    const { simulator } = this.#options
    const token = this.#address?.token
    if (token === undefined) return
    simulator.leave(token)
    this.#address = undefined
    this.#shown = []
    if (this.kind === 'ios') simulator.apns.killToken(token)
    else if (this.kind === 'android') simulator.fcm.killToken(token)
    else simulator.webPush.dropSubscription(token)
  }

  /** Installed again: the same hwid with a new token. */
  async comeBack(): Promise<void> {
    this.uninstall()
    await this.open()
  }

  /** The gateway hands the app a new token while it is installed; the old one dies. */
  async refreshToken(): Promise<void> {
    const shown = this.#shown
    this.uninstall()
    this.#shown = shown
    this.#address = await this.#obtainAddress()
    this.#options.simulator.listen(this.#address.token, push => this.#receive(push))
    await this.register()
  }

  /** Settles when all its receipts are posted. */
  settled(): Promise<void> {
    return this.#receipts.settled()
  }

  /** Leaves the air, and closes its connections if they are its own. */
  close(): void {
    if (this.#address !== undefined) this.#options.simulator.leave(this.#address.token)
    if (this.#api !== this.#options.roost) this.#api.close()
  }

  async #obtainAddress(): Promise<Address> {
    const { simulator, platform } = this.#options
    switch (platform.kind) {
      case 'ios': {
        const { bundleId, environment = 'production' } = platform
        const token = simulator.apns.issueToken({ bundleId, environment })
        return { token, fields: { push_token: token, gateway: environment, notificationTypes: 7 } }
      }
      case 'android': {
        const token = simulator.fcm.issueToken({ projectId: platform.projectId })
        return { token, fields: { push_token: token, notificationTypes: 6 } }
      }
      case 'web': {
        const applicationServerKey = platform.applicationServerKey ?? (await this.#api.vapidKey(this.hwid))
        const { endpoint, p256dh, auth } = simulator.webPush.createSubscription({ applicationServerKey })
        return { token: endpoint, fields: { push_token: endpoint, public_key: p256dh, auth_token: auth } }
      }
    }
  }

  #receive(push: AcceptedPush): void {
    const display = displayOf(this.kind, push)
    if (display === undefined) this.#ignored++
    else if (this.#isRepeat(push)) this.#repeats++
    else this.#present(push, display)
  }

  #isRepeat(push: AcceptedPush): boolean {
    const names = [push.messageId, ...(push.hash === undefined ? [] : [`hash ${push.hash}`])]
    const isRepeat = names.some(name => this.#seen.has(name))
    for (const name of names) this.#seen.add(name)
    return isRepeat
  }

  #present(push: AcceptedPush, display: Display): void {
    const { hash, collapseKey } = push
    if (display.isVisible) {
      if (collapseKey !== undefined) this.#shown = this.#shown.filter(old => old.collapseKey !== collapseKey)
      this.#shown.push({ hash, title: display.title, body: display.body, collapseKey, push })
    }
    if (hash === undefined) return
    if (display.reportsDelivery) this.#report('messageDeliveryEvent', hash, push)
    if (display.isVisible && this.#random() < (this.#options.openRate ?? 0))
      this.#report('pushStat', hash, push)
  }

  #report(method: 'messageDeliveryEvent' | 'pushStat', hash: string, push: AcceptedPush): void {
    const metaData = push.payload?.md
    this.#receipts.post(() => this.#call(method, { hash, ...(metaData !== undefined && { metaData }) }))
  }

  #call(method: string, fields: Fields): Promise<Fields> {
    const { hwid } = this
    const userId = this.#options.userId ?? hwid
    const device_type = DEVICE_TYPES[this.kind]
    return this.#api.call(method, {
      application: this.#api.app,
      hwid,
      device_type,
      userId,
      v: '1.0.0',
      ...fields,
    })
  }

  #particulars(): Fields {
    const { language = 'en', timezone = 0 } = this.#options
    const common = { language, app_version: '1.0', ...MODELS[this.kind] }
    // iOS sends its time zone as text, the others as a number.
    return { ...common, timezone: this.kind === 'ios' ? String(timezone) : timezone }
  }
}

const MODELS: Readonly<Record<PhonePlatform['kind'], Fields>> = {
  ios: { os_version: '26.1', device_model: 'iPhone17,1', device_name: 'Phone' },
  android: { os_version: '16', device_model: 'Pixel 10', device_name: 'Phone' },
  web: { device_model: 'Firefox 153' },
}

function newHwid(kind: PhonePlatform['kind'], app: string, random: Random): string {
  const uuid = randomUuid(random)
  if (kind === 'web') return `${app}_${uuid}`
  return kind === 'ios' ? uuid.toUpperCase() : uuid
}
