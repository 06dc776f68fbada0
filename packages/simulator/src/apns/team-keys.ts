/**
 * Apple teams and the signing keys that they made.
 *
 * A team owns its bundle ids; a key is for both environments or one, for all topics of the team or a few.
 * Source: Apple, "Establishing a token-based connection to APNs".
 */
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { type Random, randomHex } from '../randomness.ts'

export type ApnsEnvironment = 'production' | 'sandbox'

export interface CreateTeamKeyOptions {
  readonly bundleId: string
  /** Default: the team that owns the bundle id already, else a new one. */
  readonly teamId?: string
  /** Default both, as keys of the older kind are. */
  readonly environments?: readonly ApnsEnvironment[]
  /** Default every topic of the team; else a topic-specific key. */
  readonly bundleIds?: readonly string[]
}

/** What a developer downloads from Apple. */
export interface TeamKey {
  readonly keyId: string
  readonly teamId: string
  readonly bundleId: string
  /** PKCS#8 PEM, the content of the `.p8` file. */
  readonly p8: string
}

export interface RegisteredKey {
  readonly keyId: string
  readonly teamId: string
  readonly publicKey: KeyObject
  readonly environments: readonly ApnsEnvironment[]
  readonly bundleIds: readonly string[] | undefined
  isRevoked: boolean
}

export class TeamKeys {
  readonly #random: Random
  readonly #keys = new Map<string, RegisteredKey>()
  readonly #teamByBundleId = new Map<string, string>()

  constructor(random: Random) {
    this.#random = random
  }

  create(options: CreateTeamKeyOptions): TeamKey {
    const { bundleId } = options
    const teamId = options.teamId ?? this.#teamByBundleId.get(bundleId) ?? this.#tenCharacters()
    this.#teamByBundleId.set(bundleId, teamId)
    const keyId = this.#tenCharacters()
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    this.#keys.set(keyId, {
      keyId,
      teamId,
      publicKey,
      environments: options.environments ?? ['production', 'sandbox'],
      bundleIds: options.bundleIds,
      isRevoked: false,
    })
    return { keyId, teamId, bundleId, p8: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() }
  }

  revoke(keyId: string): void {
    const key = this.#keys.get(keyId)
    if (key === undefined) throw new Error(`no key ${keyId} was created here`)
    key.isRevoked = true
  }

  find(keyId: string): RegisteredKey | undefined {
    return this.#keys.get(keyId)
  }

  owns(teamId: string, bundleId: string): boolean {
    return this.#teamByBundleId.get(bundleId) === teamId
  }

  #tenCharacters(): string {
    return randomHex(this.#random, 10).toUpperCase()
  }
}
