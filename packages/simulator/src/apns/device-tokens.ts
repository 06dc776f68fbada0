/**
 * The device tokens that Apple's two environments know, and what became of them.
 *
 *     alive --kill--> dead (410 since T) --revive--> alive
 *
 * A dead token may go on being accepted for a while: Apple starts to answer 410 on a schedule that it keeps to itself.
 * Source: Apple, "Handling notification responses from APNs"; forum answers on the timing of 410.
 */
import { type Random, randomHex } from '../randomness.ts'
import { type ApnsRefusal, refuse } from './refusals.ts'
import type { ApnsEnvironment } from './team-keys.ts'

export interface IssueDeviceTokenOptions {
  readonly bundleId: string
  /** Default production. */
  readonly environment?: ApnsEnvironment
  /** Bytes of the token, default 32; a Live Activity's token is longer. */
  readonly bytes?: number
}

export interface KillDeviceTokenOptions {
  /** When Apple learned it; default now. */
  readonly since?: Date
  /** Until then the token is still answered with 200; default not at all. */
  readonly acceptedUntil?: Date
  /** Default Unregistered. */
  readonly reason?: 'Unregistered' | 'ExpiredToken'
  /** False leaves the timestamp out of the 410; default true. */
  readonly hasTimestamp?: boolean
}

interface DeviceToken {
  readonly bundleId: string
  readonly environment: ApnsEnvironment
  death:
    | (Required<Omit<KillDeviceTokenOptions, 'acceptedUntil'>> & { readonly acceptedUntilMs: number })
    | undefined
}

export class DeviceTokens {
  readonly #random: Random
  readonly #clock: () => number
  readonly #tokens = new Map<string, DeviceToken>()

  constructor(random: Random, clock: () => number) {
    this.#random = random
    this.#clock = clock
  }

  issue(options: IssueDeviceTokenOptions): string {
    const { bundleId, environment = 'production', bytes = 32 } = options
    const token = randomHex(this.#random, 2 * bytes)
    this.#tokens.set(token, { bundleId, environment, death: undefined })
    return token
  }

  kill(token: string, options: KillDeviceTokenOptions = {}): void {
    const { since = new Date(this.#clock()), reason = 'Unregistered', hasTimestamp = true } = options
    const acceptedUntilMs = options.acceptedUntil?.getTime() ?? Number.NEGATIVE_INFINITY
    this.#known(token).death = { since, reason, hasTimestamp, acceptedUntilMs }
  }

  revive(token: string): void {
    this.#known(token).death = undefined
  }

  /** What APNs says to a push for this token, or undefined when it takes it. */
  check(token: string, bundleId: string | undefined, environment: ApnsEnvironment): ApnsRefusal | undefined {
    const known = this.#tokens.get(token)
    if (known === undefined || known.environment !== environment) return refuse('BadDeviceToken')
    if (known.bundleId !== bundleId) return refuse('DeviceTokenNotForTopic')
    const { death } = known
    if (death === undefined || this.#clock() < death.acceptedUntilMs) return undefined
    return refuse(death.reason, death.hasTimestamp ? death.since.getTime() : undefined)
  }

  /** Whether the token's phone still holds it: a push accepted after the death reaches nobody. */
  isAlive(token: string): boolean {
    const known = this.#tokens.get(token)
    return known !== undefined && known.death === undefined
  }

  #known(token: string): DeviceToken {
    const known = this.#tokens.get(token.toLowerCase())
    if (known === undefined) throw new Error('this device token was not issued here')
    return known
  }
}
