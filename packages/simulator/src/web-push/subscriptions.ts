/**
 * The simulated subscriptions: their private keys are here, so that every body is decrypted as the browser would.
 */
import { createECDH, randomBytes } from 'node:crypto'
import { type Random, randomBase64url } from '../randomness.ts'
import type { SubscriptionKeys } from './decrypt.ts'
import { type PushService, pathOf } from './services.ts'
import { normalizeKey } from './vapid.ts'

export interface CreateSubscriptionOptions {
  /** The VAPID public key, base64 or base64url of 65 bytes; without one the subscription takes pushes of anybody. */
  readonly applicationServerKey?: string
  /** Whose manners the endpoint has; default autopush. */
  readonly service?: PushService
  /** A Firefox on Android, which Mozilla reaches over another service: it takes less. Default false. */
  readonly isBridged?: boolean
  /** In place of the stand-in's own: whoever asks by a seed gets the same endpoint, whatever else was drawn. */
  readonly random?: Random
}

/** Keys in padded standard base64, as clients of the device protocol send them. */
export interface WebPushSubscription {
  readonly endpoint: string
  readonly p256dh: string
  readonly auth: string
}

export interface Subscription {
  readonly applicationServerKey: string | undefined
  readonly service: PushService
  /** Undefined for a real browser, which keeps its private key. */
  readonly keys: SubscriptionKeys | undefined
  readonly isBridged: boolean
  readonly isGone: boolean
}

export class SimulatedSubscriptions {
  readonly #random: Random
  readonly #byEndpoint = new Map<string, Subscription>()

  constructor(random: Random) {
    this.#random = random
  }

  create(options: CreateSubscriptionOptions, origin: string): WebPushSubscription {
    const { applicationServerKey, service = 'autopush', isBridged = false } = options
    const ecdh = createECDH('prime256v1')
    const publicKey = ecdh.generateKeys()
    const keys = { privateKey: ecdh.getPrivateKey(), publicKey, auth: randomBytes(16) }
    const id = randomBase64url(options.random ?? this.#random, 120)
    const endpoint = origin + pathOf(service, id, applicationServerKey !== undefined)
    this.#byEndpoint.set(endpoint, {
      applicationServerKey:
        applicationServerKey === undefined ? undefined : normalizeKey(applicationServerKey),
      service,
      keys,
      isBridged,
      isGone: false,
    })
    return { endpoint, p256dh: publicKey.toString('base64'), auth: keys.auth.toString('base64') }
  }

  find(endpoint: string): Subscription | undefined {
    return this.#byEndpoint.get(endpoint)
  }

  /** False when there is no such subscription. */
  drop(endpoint: string): boolean {
    const known = this.#byEndpoint.get(endpoint)
    if (known !== undefined) this.#byEndpoint.set(endpoint, { ...known, isGone: true })
    return known !== undefined
  }
}
