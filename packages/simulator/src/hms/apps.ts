/**
 * The apps of Huawei's console, and the OAuth endpoint where an app buys its access tokens with its secret.
 *
 * Access tokens hold slashes, and the endpoint's JSON writes them as `\/`: whoever cuts the token out of the text
 * instead of decoding it gets a wrong one.
 * Source: Huawei, "OAuth 2.0-based Authentication, Client Credentials". The limit of 1000 requests in five minutes is
 * observed; the numbers in its errors are not documented in full, and a client must go by the status.
 */
import { timingSafeEqual } from 'node:crypto'
import type { GatewayAnswer, GatewayRequest } from '../gateway/listener.ts'
import { WindowLimit } from '../gateway/window-limit.ts'
import { type Random, randomBase64url, randomHex } from '../randomness.ts'

const LIFETIME_SECONDS = 3600
const THROTTLE_WINDOW_MS = 5 * 60_000
const THROTTLE_REQUESTS = 1000

/** What a developer copies from the console. */
export interface HmsApp {
  readonly appId: string
  /** The same number as the app's: the name of the app towards OAuth and in the path of the send call. */
  readonly clientId: string
  readonly clientSecret: string
}

/** `send`: Push Kit is switched on for the app. `high_priority`: it may send with urgency HIGH. */
export type HmsRight = 'send' | 'high_priority'

interface App {
  secret: string
  readonly missingRights: Set<HmsRight>
}

interface AccessToken {
  readonly appId: string
  readonly expiresAtMs: number
}

export type Bearer =
  | { readonly state: 'good'; readonly appId: string }
  | { readonly state: 'unknown' }
  | { readonly state: 'expired' }

export class HmsApps {
  readonly #random: Random
  readonly #clock: () => number
  readonly #apps = new Map<string, App>()
  readonly #accessTokens = new Map<string, AccessToken>()
  readonly #requests = new WindowLimit()
  #lifetimeSeconds = LIFETIME_SECONDS

  constructor(random: Random, clock: () => number) {
    this.#random = random
    this.#clock = clock
  }

  create(): HmsApp {
    const appId = `10${String(Math.floor(this.#random() * 1e7)).padStart(7, '0')}`
    const secret = randomHex(this.#random, 64)
    this.#apps.set(appId, { secret, missingRights: new Set() })
    return { appId, clientId: appId, clientSecret: secret }
  }

  /** A new secret; the old one is refused from now on, access tokens live on. */
  replaceSecret(appId: string): string {
    const app = this.#known(appId)
    app.secret = randomHex(this.#random, 64)
    return app.secret
  }

  setRight(appId: string, right: HmsRight, isGranted: boolean): void {
    const { missingRights } = this.#known(appId)
    if (isGranted) missingRights.delete(right)
    else missingRights.add(right)
  }

  hasRight(appId: string, right: HmsRight): boolean {
    return this.#apps.get(appId)?.missingRights.has(right) === false
  }

  /** For tokens given out from now on; default 3600. */
  setLifetime(seconds: number): void {
    this.#lifetimeSeconds = seconds
  }

  /** Whom the bearer of this header speaks for. */
  bearer(authorization: string | undefined): Bearer {
    const token = this.#accessTokens.get(/^Bearer (\S+)$/i.exec(authorization ?? '')?.[1] ?? '')
    if (token === undefined) return { state: 'unknown' }
    return token.expiresAtMs <= this.#clock() ? { state: 'expired' } : { state: 'good', appId: token.appId }
  }

  /** `POST /oauth2/v3/token`. */
  answer(request: GatewayRequest): GatewayAnswer {
    if (request.method !== 'POST') return oauthError(405, 1101, 'method not allowed')
    const form = new URLSearchParams(request.body.toString())
    if (form.get('grant_type') !== 'client_credentials') return oauthError(400, 1105, 'invalid grant_type')
    const appId = form.get('client_id') ?? ''
    const app = this.#apps.get(appId)
    if (app === undefined) return oauthError(400, 1101, 'invalid client_id')
    if (!this.#requests.allows(appId, THROTTLE_REQUESTS, THROTTLE_WINDOW_MS, this.#clock()))
      return oauthError(429, 1203, 'too many requests')
    if (!isSame(form.get('client_secret') ?? '', app.secret))
      return oauthError(401, 1101, 'invalid client_secret')
    return this.#grant(appId)
  }

  #grant(appId: string): GatewayAnswer {
    // One slash at least, as in most of Huawei's.
    const token = `CgB6e3x9/${randomBase64url(this.#random, 60)}/${randomBase64url(this.#random, 40)}`
    const expiresAtMs = this.#clock() + this.#lifetimeSeconds * 1000
    this.#accessTokens.set(token, { appId, expiresAtMs })
    return oauthJson(200, {
      access_token: token,
      expires_in: this.#lifetimeSeconds,
      token_type: 'Bearer',
    })
  }

  #known(appId: string): App {
    const app = this.#apps.get(appId)
    if (app === undefined) throw new Error(`no app ${appId} was created here`)
    return app
  }
}

function isSame(given: string, secret: string): boolean {
  const [one, other] = [Buffer.from(given), Buffer.from(secret)]
  return one.length === other.length && timingSafeEqual(one, other)
}

function oauthError(status: number, error: number, description: string): GatewayAnswer {
  return oauthJson(status, { error, sub_error: 20_001, error_description: description })
}

function oauthJson(status: number, body: Readonly<Record<string, unknown>>): GatewayAnswer {
  return {
    status,
    headers: { 'content-type': 'application/json;charset=UTF-8' },
    body: JSON.stringify(body).replaceAll('/', '\\/'),
  }
}
