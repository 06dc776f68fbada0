/**
 * The device tokens that Apple's two environments know, and what became of them.
 *
 *     alive --kill--> dead (410 since T) --revive--> alive
 *       └--kill, fuzzy--> dead, unnoticed --a push reaches the device--> dead, noticed --the delay--> 410
 *
 * A dead token may go on being accepted for a while: Apple starts to answer 410 on a schedule that it keeps to itself,
 * and only when a push has told it that the app is gone.
 * Source: Apple, "Handling notification responses from APNs"; forum answers on the timing of 410.
 */
import { type Random, randomHex } from '../randomness.ts'
import { type TokenKind, topicOf } from './push-types.ts'
import { type ApnsRefusal, refuse } from './refusals.ts'
import type { ApnsEnvironment } from './team-keys.ts'

const TOKEN_BYTES = 32
/** What implementers have seen of Live Activities' tokens; Apple promises no length at all. */
const ACTIVITY_TOKEN_BYTES = 80

export interface IssueDeviceTokenOptions {
  readonly bundleId: string
  /** Default production. */
  readonly environment?: ApnsEnvironment
  /** Default alert. A push of another kind is DeviceTokenNotForTopic. */
  readonly kind?: TokenKind
  /** Bytes of the token; default 32, for the two kinds of Live Activities 80. */
  readonly bytes?: number
  /** In place of the stand-in's own: whoever asks by a seed gets the same token, whatever else was drawn. */
  readonly random?: Random
}

export interface KillDeviceTokenOptions {
  /** When Apple learned it; default now, with a fuzzy death when a push tells it. */
  readonly since?: Date
  /** Until then the token is still answered with 200; default as `FuzzyDeath` has it, else not at all. */
  readonly acceptedUntil?: Date
  /** Default Unregistered. */
  readonly reason?: 'Unregistered' | 'ExpiredToken'
  /** False leaves the timestamp out of the 410; default true. */
  readonly hasTimestamp?: boolean
}

/** How long after the push that told Apple of it a death is answered with 410: drawn evenly between the two. */
export interface FuzzyDeath {
  readonly minDelayMs: number
  readonly maxDelayMs: number
}

interface Death {
  readonly reason: 'Unregistered' | 'ExpiredToken'
  readonly hasTimestamp: boolean
  sinceMs: number | undefined
  /** Infinity while nothing has told Apple. */
  acceptedUntilMs: number
}

export interface DeviceToken {
  readonly token: string
  readonly topic: string
  readonly environment: ApnsEnvironment
  readonly kind: TokenKind
  death: Death | undefined
}

export class DeviceTokens {
  readonly #random: Random
  readonly #clock: () => number
  readonly #tokens = new Map<string, DeviceToken>()
  #fuzzyDeath: FuzzyDeath | undefined

  constructor(random: Random, clock: () => number) {
    this.#random = random
    this.#clock = clock
  }

  /** Holds for deaths from now on; undefined: a dead token is 410 at once. */
  setFuzzyDeath(fuzzyDeath: FuzzyDeath | undefined): void {
    this.#fuzzyDeath = fuzzyDeath
  }

  issue(options: IssueDeviceTokenOptions): string {
    const { bundleId, environment = 'production', kind = 'alert' } = options
    const isActivity = kind === 'liveactivity' || kind === 'pushtostart'
    const bytes = options.bytes ?? (isActivity ? ACTIVITY_TOKEN_BYTES : TOKEN_BYTES)
    const token = randomHex(options.random ?? this.#random, 2 * bytes)
    this.#tokens.set(token, {
      token,
      topic: topicOf(bundleId, kind),
      environment,
      kind,
      death: undefined,
    })
    return token
  }

  kill(token: string, options: KillDeviceTokenOptions = {}): void {
    const { since, acceptedUntil, reason = 'Unregistered', hasTimestamp = true } = options
    const isFuzzy = acceptedUntil === undefined && this.#fuzzyDeath !== undefined
    this.known(token).death = {
      reason,
      hasTimestamp,
      sinceMs: since?.getTime() ?? (isFuzzy ? undefined : this.#clock()),
      acceptedUntilMs:
        acceptedUntil?.getTime() ?? (isFuzzy ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY),
    }
  }

  /** At once: Apple need not be told that an activity is over. */
  expire(token: string): void {
    const now = new Date(this.#clock())
    this.kill(token, { reason: 'ExpiredToken', since: now, acceptedUntil: now })
  }

  revive(token: string): void {
    this.known(token).death = undefined
  }

  find(token: string): DeviceToken | undefined {
    return this.#tokens.get(token)
  }

  /** As it was issued here; throws for another. */
  known(token: string): DeviceToken {
    const known = this.#tokens.get(token.toLowerCase())
    if (known === undefined) throw new Error('this device token was not issued here')
    return known
  }

  /** What APNs says to a push to this topic, or undefined when it takes it. */
  check(
    known: DeviceToken | undefined,
    topic: string,
    environment: ApnsEnvironment,
  ): ApnsRefusal | undefined {
    if (known === undefined || known.environment !== environment) return refuse('BadDeviceToken')
    if (known.topic !== topic) return refuse('DeviceTokenNotForTopic')
    const { death } = known
    if (death === undefined || this.#clock() < death.acceptedUntilMs) return undefined
    return refuse(death.reason, death.hasTimestamp ? death.sinceMs : undefined)
  }

  /** A push was accepted and has reached a device that is still in use: now Apple knows that the app is gone. */
  notice(known: DeviceToken): void {
    const { death } = known
    if (death === undefined || death.acceptedUntilMs !== Number.POSITIVE_INFINITY) return
    const { minDelayMs, maxDelayMs } = this.#fuzzyDeath ?? { minDelayMs: 0, maxDelayMs: 0 }
    death.sinceMs ??= this.#clock()
    death.acceptedUntilMs = this.#clock() + minDelayMs + this.#random() * (maxDelayMs - minDelayMs)
  }
}
