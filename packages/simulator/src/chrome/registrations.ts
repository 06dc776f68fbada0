/**
 * What Google knows of Chromes: their identities, what each of them registered, and what waits for it.
 *
 *     registered -> (pushed -> acknowledged)* -> ended, by the browser or by Google
 *
 * A registration is one app of one browser with one sender; for a web page the app is `wp:<its origin>#<id>` and the
 * sender its VAPID key. To register again gives the same token.
 * Source: Chromium, google_apis/gcm/engine/registration_request.cc and instance_id_get_token_request_handler.cc.
 */
import { randomBytes } from 'node:crypto'
import { type Random, randomBase64url, randomHex } from '../randomness.ts'

/** Chrome's own features register too; only these are subscriptions of a page. */
const WEB_PUSH_APP = 'wp:'

export interface Chrome {
  readonly androidId: bigint
  /** A secret between the browser and this service. */
  readonly securityToken: bigint
  readonly registrations: Map<string, Registration>
}

export interface Registration {
  readonly token: string
  readonly chrome: Chrome
  readonly category: string
  readonly subtype: string
  readonly sender: string
  /** By message id, oldest first: what the browser has not acknowledged is sent again when it comes back. */
  readonly pending: Map<string, Pending>
}

export interface Pending {
  readonly body: Buffer
  readonly topic: string | undefined
  readonly ttlSeconds: number
  readonly expiresAtMs: number
}

/** What a browser asks to register, or to end. `sender` `*` means all of the app. */
export interface RegistrationKey {
  readonly category: string
  readonly subtype: string
  readonly sender: string
}

export class Registrations {
  readonly #random: Random
  readonly #chromes = new Map<bigint, Chrome>()
  readonly #byToken = new Map<string, Registration>()

  constructor(random: Random) {
    this.#random = random
  }

  /** The browser that has this identity, or a new one when nobody has it. */
  checkIn(androidId: bigint | undefined, securityToken: bigint | undefined): Chrome {
    const known = this.find(androidId, securityToken)
    if (known !== undefined) return known
    const chrome: Chrome = {
      // Chrome reads both as signed numbers in places, so the first bit stays 0; none may be 0.
      androidId: BigInt(`0x3${randomHex(this.#random, 15)}`),
      securityToken: BigInt(`0x3${randomBytes(8).toString('hex').slice(1)}`),
      registrations: new Map(),
    }
    this.#chromes.set(chrome.androidId, chrome)
    return chrome
  }

  find(androidId: bigint | undefined, securityToken: bigint | undefined): Chrome | undefined {
    const chrome = androidId === undefined ? undefined : this.#chromes.get(androidId)
    return chrome?.securityToken === securityToken ? chrome : undefined
  }

  register(chrome: Chrome, key: RegistrationKey): Registration {
    const name = `${key.subtype} ${key.sender}`
    const known = chrome.registrations.get(name)
    if (known !== undefined) return known
    const token = `${randomBase64url(this.#random, 22)}:APA91b${randomBase64url(this.#random, 134)}`
    const registration: Registration = { ...key, token, chrome, pending: new Map() }
    chrome.registrations.set(name, registration)
    this.#byToken.set(token, registration)
    return registration
  }

  /** Gives back those that this ended. */
  unregister(chrome: Chrome, key: RegistrationKey): Registration[] {
    return [...chrome.registrations.values()].filter(
      ({ token, subtype, sender }) =>
        subtype === key.subtype && (key.sender === '*' || sender === key.sender) && this.end(token),
    )
  }

  /** False when there is no such registration. */
  end(token: string): boolean {
    const registration = this.#byToken.get(token)
    registration?.chrome.registrations.delete(`${registration.subtype} ${registration.sender}`)
    return this.#byToken.delete(token)
  }

  ofToken(token: string): Registration | undefined {
    return this.#byToken.get(token)
  }
}

export function isWebPush(registration: Registration): boolean {
  return registration.subtype.startsWith(WEB_PUSH_APP)
}
