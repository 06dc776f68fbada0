/**
 * Requests to APNs in the name of one credential: which connections they share, what proves who we are, and what a
 * refusal of that means for both.
 *
 * The first push binds a connection: to its team, its key, and the bundle ids that the team has at that time. So every
 * session has connections of its own, and those that refused us are left for new ones: a pool has a round in its
 * name, and a round that is spoilt takes no more requests. The transport closes what nobody uses.
 *
 * A 403 says that nothing was processed, so the same request may go out again:
 *
 *   ExpiredProviderToken    → once more with a renewed token, if the one refused is old enough to be renewed
 *   InvalidProviderToken    → once more over a new connection: the topic may be younger than the old one
 *   UnrelatedKeyIdInToken   → once more over a new connection
 *
 * Source: Apple, "Establishing a token-based connection to APNs" and "Handling notification responses from APNs".
 */
import { ageOf, type Clock } from '../clock.ts'
import { type ApnsCertificate, mustParse, parseP8, parsePemCertificate } from '../credentials.ts'
import type {
  ClientCertificate,
  FixedHeaders,
  Transport,
  TransportRequest,
  TransportResult,
} from '../transport.ts'
import { type ApnsCredential, createProviderTokens, type ProviderTokens } from './auth.ts'
import { reasonOf, verdictOf } from './outcome.ts'
import { type ApnsEnvironment, MAX_TOKEN_UPDATE_REFUSALS, RECONNECT_PAUSE_MS } from './settings.ts'

export interface ApnsSessionOptions {
  readonly credential: ApnsCredential
  readonly environment: ApnsEnvironment
  readonly transport: Transport
  readonly clock: Clock
  readonly tokens?: ProviderTokens | undefined
}

export interface ApnsRequest
  extends Pick<TransportRequest, 'origin' | 'method' | 'path' | 'headers' | 'body' | 'deadlineMs' | 'wish'> {
  /** Names the headers of `constant`: the same style, the same headers. */
  readonly style: string
  readonly constant: () => Readonly<Record<string, string>>
}

interface Sent {
  readonly result: TransportResult
  readonly round: number
  readonly jwt: string | undefined
}

/** Only tells the pools of sessions apart, also of two with one credential: the first may be refused, the second mended. */
let sessionsOpened = 0

export class ApnsSession {
  /** What Apple wrote into the certificate; `undefined` with token authentication. */
  readonly certificate: ApnsCertificate | undefined
  readonly #options: ApnsSessionOptions
  readonly #tokens: ProviderTokens
  readonly #pool: string
  readonly #rounds: Rounds
  readonly #fixed = new Map<string, { readonly jwt: string | undefined; readonly headers: FixedHeaders }>()
  readonly #clientCertificate: ClientCertificate | undefined
  #pioneer: { readonly round: number; readonly isRefused: Promise<boolean> } | undefined
  #tokenUpdateRefusals = 0
  #roundPool: { readonly round: number; readonly name: string } | undefined

  /** Throws a TypeError when key or certificate are none. */
  constructor(options: ApnsSessionOptions) {
    const { credential, clock } = options
    this.#options = options
    this.#tokens = options.tokens ?? createProviderTokens({ clock })
    this.#rounds = new Rounds(clock)
    const serial = ++sessionsOpened
    if (credential.kind === 'p12') {
      const { cert, key } = credential.certificate
      this.certificate = mustParse(parsePemCertificate(cert + key, undefined, clock))
      this.#clientCertificate = { cert: this.certificate.cert, key: this.certificate.key }
      this.#pool = `${this.certificate.fingerprint}/${serial}`
    } else {
      mustParse(parseP8(credential.p8))
      this.#pool = `${credential.teamId}/${credential.keyId}/${credential.bundleId}/${serial}`
    }
  }

  /** Why nothing can leave with this credential now; Apple would only end the connection. */
  describeFault(): string | undefined {
    const { credential, environment, clock } = this.#options
    const { certificate } = this
    if (certificate === undefined) return undefined
    if (clock.now() >= certificate.expiresAt.getTime()) return 'certificate_expired'
    if (!certificate.environments.includes(environment)) return `certificate_not_for_${environment}`
    if (certificate.bundleId !== credential.bundleId)
      return `certificate_of_other_app: ${certificate.bundleId}`
    return undefined
  }

  async request(request: ApnsRequest): Promise<TransportResult> {
    const first = await this.#send(request)
    if (isAccepted(first)) return first.result
    const last = (await this.#sendAgain(request, first)) ?? first
    this.#learn(last)
    return last.result
  }

  async #send(request: ApnsRequest): Promise<Sent> {
    const { credential, transport } = this.#options
    const { origin, method, path, headers, body, deadlineMs, wish, style, constant } = request
    const jwt =
      credential.kind === 'p12'
        ? undefined
        : (this.#tokens.ready(credential) ?? (await this.#tokens.current(credential)))
    const round = this.#rounds.current
    const result = await transport.request({
      origin,
      method,
      path,
      headers,
      body,
      deadlineMs,
      wish,
      pool: this.#poolOf(round),
      clientCertificate: this.#clientCertificate,
      fixed: this.#fixedHeaders(style, constant, jwt),
    })
    return { result, round, jwt }
  }

  #poolOf(round: number): string {
    if (this.#roundPool?.round !== round) this.#roundPool = { round, name: `${this.#pool}.${round}` }
    return this.#roundPool.name
  }

  /** The same object for as long as the token stays the same: it is encoded once. */
  #fixedHeaders(style: string, constant: ApnsRequest['constant'], jwt: string | undefined): FixedHeaders {
    const known = this.#fixed.get(style)
    if (known !== undefined && known.jwt === jwt) return known.headers
    const headers = { constant: constant(), secret: jwt ? { authorization: `bearer ${jwt}` } : {} }
    this.#fixed.set(style, { jwt, headers })
    return headers
  }

  /** `undefined` when a repeat would change nothing. */
  async #sendAgain(request: ApnsRequest, refused: Sent): Promise<Sent | undefined> {
    const { credential } = this.#options
    const { jwt, result, round } = refused
    if (credential.kind === 'p12' || jwt === undefined || result.kind !== 'response') return undefined
    switch (reasonOf(result)) {
      case 'ExpiredProviderToken':
        return (await this.#tokens.replace(credential, jwt)) === undefined ? undefined : this.#send(request)
      case 'InvalidProviderToken':
        await this.#tokens.replace(credential, jwt)
        return this.#sendAnew(request, round)
      case 'UnrelatedKeyIdInToken':
        return this.#sendAnew(request, round)
      default:
        return undefined
    }
  }

  /**
   * One request goes first over a new connection; the others that the old one refused follow when it is not refused as
   * well. A wrong key with a thousand requests in flight costs one more refusal, and not a thousand.
   */
  async #sendAnew(request: ApnsRequest, refused: number): Promise<Sent | undefined> {
    this.#rounds.spoil(refused)
    if (this.#pioneer?.round === refused)
      return (await this.#pioneer.isRefused) ? undefined : this.#send(request)
    if (this.#rounds.current === refused) return undefined
    const sent = this.#send(request)
    this.#pioneer = { round: refused, isRefused: sent.then(isRefused) }
    return sent
  }

  #learn({ result, round }: Sent): void {
    if (result.kind !== 'response' || result.status === 200) return
    const verdict = verdictOf(result)
    if (verdict === 'credential_fault' || verdict === 'reconnect') this.#rounds.spoil(round)
    if (reasonOf(result) === 'TooManyProviderTokenUpdates') this.#countTokenUpdateRefusal(round)
  }

  /** The token stays as it is; only the connection goes. */
  #countTokenUpdateRefusal(round: number): void {
    if (round !== this.#rounds.current) return
    if (++this.#tokenUpdateRefusals < MAX_TOKEN_UPDATE_REFUSALS) return
    this.#tokenUpdateRefusals = 0
    this.#rounds.spoil(round)
  }
}

function isAccepted({ result }: Sent): boolean {
  return result.kind === 'response' && result.status === 200
}

function isRefused({ result }: Sent): boolean {
  return result.kind !== 'response' || result.status === 403
}

/** Connections are replaced at most every ten seconds, however often they refuse; until then the spoilt ones serve. */
class Rounds {
  readonly #clock: Clock
  #number = 0
  #isSpoilt = false
  #changedAt = Number.NEGATIVE_INFINITY

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get current(): number {
    const now = this.#clock.now()
    if (this.#isSpoilt && ageOf(this.#changedAt, now) >= RECONNECT_PAUSE_MS) {
      this.#number++
      this.#isSpoilt = false
      this.#changedAt = now
    }
    return this.#number
  }

  /** Late refusals of a round that is gone spoil nothing. */
  spoil(round: number): void {
    if (round === this.#number) this.#isSpoilt = true
  }
}
