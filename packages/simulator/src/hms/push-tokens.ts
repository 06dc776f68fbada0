/**
 * The push tokens that Huawei's phones were given, and what became of them.
 */
import { flat, type Random, randomBase64url } from '../randomness.ts'

export interface IssueHmsTokenOptions {
  readonly appId: string
  /** In place of the stand-in's own: whoever asks by a seed gets the same token, whatever else was drawn. */
  readonly random?: Random
}

interface PushToken {
  readonly appId: string
  isDead: boolean
}

export class HmsPushTokens {
  readonly #random: Random
  readonly #tokens = new Map<string, PushToken>()

  constructor(random: Random) {
    this.#random = random
  }

  issue({ appId, random = this.#random }: IssueHmsTokenOptions): string {
    const token = flat(`IQAAAACy${randomBase64url(random, 122)}`)
    this.#tokens.set(token, { appId, isDead: false })
    return token
  }

  kill(token: string): void {
    this.#known(token).isDead = true
  }

  revive(token: string): void {
    this.#known(token).isDead = false
  }

  /** Huawei tells no difference between a dead token, another app's and one that never was. */
  isLegal(token: string, appId: string): boolean {
    const known = this.#tokens.get(token)
    return known !== undefined && known.appId === appId && !known.isDead
  }

  #known(token: string): PushToken {
    const known = this.#tokens.get(token)
    if (known === undefined) throw new Error('this push token was not issued here')
    return known
  }
}
