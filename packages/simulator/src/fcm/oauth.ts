/**
 * Google's token endpoint for service accounts, and the access tokens that it gave out.
 *
 * The assertion is an RS256 JWT: `iss` the account, `aud` the token endpoint, the messaging scope, at most an hour.
 * Source: RFC 7523; Google, "Using OAuth 2.0 for server to server applications".
 */
import { createPublicKey, generateKeyPair, type KeyObject } from 'node:crypto'
import { promisify } from 'node:util'
import { decodeJwt, decodeProtectedHeader, errors, jwtVerify } from 'jose'
import type { GatewayAnswer, GatewayRequest } from '../gateway/listener.ts'
import { type Random, randomBase64url, randomHex } from '../randomness.ts'

const GRANT_TYPE = 'urn:ietf:params:oauth:grant-type:jwt-bearer'
const SCOPES = [
  'https://www.googleapis.com/auth/firebase.messaging',
  'https://www.googleapis.com/auth/cloud-platform',
]
const GOOGLE_AUDIENCE = 'https://oauth2.googleapis.com/token'
const LIFETIME_SECONDS = 3599
const MAX_ASSERTION_SECONDS = 3600
/** Google lets clocks differ by a few minutes. */
const CLOCK_TOLERANCE_SECONDS = 300
const BAD_TIMES =
  'Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. ' +
  'Check your iat and exp values in the JWT claim.'

/** The JSON file that a developer downloads for a service account. */
export interface ServiceAccount {
  readonly type: 'service_account'
  readonly project_id: string
  readonly private_key_id: string
  readonly private_key: string
  readonly client_email: string
  readonly client_id: string
  readonly auth_uri: string
  readonly token_uri: string
  readonly auth_provider_x509_cert_url: string
  readonly client_x509_cert_url: string
  readonly universe_domain: string
}

interface Account {
  readonly projectId: string
  readonly email: string
  readonly keyId: string
  readonly publicKey: KeyObject
  isDisabled: boolean
  mayMessage: boolean
}

/** Whom an access token speaks for. */
export type Bearer =
  | { readonly state: 'missing' | 'invalid' }
  | {
      readonly state: 'good'
      readonly projectId: string
      /** The account has the permission cloudmessaging.messages.create. */
      readonly mayMessage: boolean
    }

interface AccessToken {
  readonly projectId: string
  readonly account: Account
  readonly expiresAtMs: number
}

export class GoogleAccounts {
  readonly #random: Random
  readonly #clock: () => number
  readonly #accounts = new Map<string, Account>()
  readonly #accessTokens = new Map<string, AccessToken>()
  #lifetimeSeconds = LIFETIME_SECONDS

  constructor(random: Random, clock: () => number) {
    this.#random = random
    this.#clock = clock
  }

  async create(projectId: string, tokenUri: string, givenKey?: string): Promise<ServiceAccount> {
    const privateKey = givenKey ?? (await generatePrivateKey())
    const email = `firebase-adminsdk-${randomHex(this.#random, 5)}@${projectId}.iam.gserviceaccount.com`
    const keyId = randomHex(this.#random, 40)
    const publicKey = createPublicKey(privateKey)
    const state = { isDisabled: false, mayMessage: true }
    this.#accounts.set(email, { projectId, email, keyId, publicKey, ...state })
    return accountFile({ projectId, email, keyId, privateKey, tokenUri })
  }

  /** Refuses its assertions and the access tokens that it has already, or takes them again. */
  setDisabled(email: string, isDisabled: boolean): void {
    this.#known(email).isDisabled = isDisabled
  }

  /** The account is gone, and with it its access tokens. */
  delete(email: string): void {
    this.#known(email).isDisabled = true
    this.#accounts.delete(email)
  }

  setPermission(email: string, mayMessage: boolean): void {
    this.#known(email).mayMessage = mayMessage
  }

  /** For tokens given out from now on; default 3599. */
  setLifetime(seconds: number): void {
    this.#lifetimeSeconds = seconds
  }

  /** By the header `authorization`. */
  bearer(authorization: string | undefined): Bearer {
    if (authorization === undefined) return { state: 'missing' }
    const token = this.#accessTokens.get(/^Bearer (\S+)$/i.exec(authorization)?.[1] ?? '')
    if (token === undefined || token.account.isDisabled || token.expiresAtMs <= this.#clock())
      return { state: 'invalid' }
    const { projectId, account } = token
    return { state: 'good', projectId, mayMessage: account.mayMessage }
  }

  /** `POST /token`. */
  async answer(request: GatewayRequest, ownAudience: string): Promise<GatewayAnswer> {
    const form = new URLSearchParams(request.body.toString())
    const assertion = form.get('assertion')
    if (request.method !== 'POST') return oauthError(405, 'invalid_request', 'Only POST is allowed.')
    if (form.get('grant_type') !== GRANT_TYPE)
      return oauthError(400, 'unsupported_grant_type', 'Invalid grant_type')
    if (assertion === null) return oauthError(400, 'invalid_request', 'Missing parameter: assertion')
    const checked = await this.#checkAssertion(assertion, [ownAudience, GOOGLE_AUDIENCE])
    return typeof checked === 'string' ? oauthError(400, 'invalid_grant', checked) : this.#grant(checked)
  }

  /** The account that signed, or what is wrong in Google's words. */
  async #checkAssertion(assertion: string, audience: string[]): Promise<Account | string> {
    try {
      const { kid } = decodeProtectedHeader(assertion)
      const account = this.#accounts.get(String(decodeJwt(assertion).iss))
      if (account === undefined) return 'Invalid grant: account not found'
      if (account.isDisabled) return 'Invalid grant: account disabled'
      if (kid !== undefined && kid !== account.keyId) return 'Invalid JWT Signature.'
      const { payload } = await jwtVerify(assertion, account.publicKey, {
        algorithms: ['RS256'],
        audience,
        requiredClaims: ['iat', 'exp', 'scope'],
        clockTolerance: CLOCK_TOLERANCE_SECONDS,
        currentDate: new Date(this.#clock()),
      })
      return this.#checkClaims(payload) ?? account
    } catch (cause) {
      if (cause instanceof errors.JWSSignatureVerificationFailed) return 'Invalid JWT Signature.'
      if (cause instanceof errors.JWTExpired) return BAD_TIMES
      return `Invalid JWT: ${cause instanceof Error ? cause.message : 'malformed'}`
    }
  }

  #checkClaims({
    iat = 0,
    exp = 0,
    scope,
  }: {
    iat?: number
    exp?: number
    scope?: unknown
  }): string | undefined {
    const nowSeconds = this.#clock() / 1000
    if (exp - iat > MAX_ASSERTION_SECONDS || iat > nowSeconds + CLOCK_TOLERANCE_SECONDS) {
      return BAD_TIMES
    }
    const scopes = String(scope).split(' ')
    return SCOPES.some(known => scopes.includes(known))
      ? undefined
      : 'Invalid OAuth scope or ID token audience provided.'
  }

  #known(email: string): Account {
    const account = this.#accounts.get(email)
    if (account === undefined) throw new Error(`no service account ${email} was created here`)
    return account
  }

  #grant(account: Account): GatewayAnswer {
    const token = `ya29.c.${randomBase64url(this.#random, 120)}`
    const expiresAtMs = this.#clock() + this.#lifetimeSeconds * 1000
    this.#accessTokens.set(token, { projectId: account.projectId, account, expiresAtMs })
    return json(200, { access_token: token, expires_in: this.#lifetimeSeconds, token_type: 'Bearer' })
  }
}

async function generatePrivateKey(): Promise<string> {
  const { privateKey } = await promisify(generateKeyPair)('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  })
  return privateKey
}

function accountFile(account: {
  readonly projectId: string
  readonly email: string
  readonly keyId: string
  readonly privateKey: string
  readonly tokenUri: string
}): ServiceAccount {
  return {
    type: 'service_account',
    project_id: account.projectId,
    private_key_id: account.keyId,
    private_key: account.privateKey,
    client_email: account.email,
    client_id: '100000000000000000000',
    auth_uri: 'https://accounts.google.com/o/oauth2/auth',
    token_uri: account.tokenUri,
    auth_provider_x509_cert_url: 'https://www.googleapis.com/oauth2/v1/certs',
    client_x509_cert_url: `https://www.googleapis.com/robot/v1/metadata/x509/${encodeURIComponent(account.email)}`,
    universe_domain: 'googleapis.com',
  }
}

function oauthError(status: number, error: string, description: string): GatewayAnswer {
  return json(status, { error, error_description: description })
}

function json(status: number, body: Readonly<Record<string, unknown>>): GatewayAnswer {
  return {
    status,
    headers: { 'content-type': 'application/json; charset=utf-8' },
    body: JSON.stringify(body),
  }
}
