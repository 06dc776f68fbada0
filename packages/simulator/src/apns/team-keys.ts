/**
 * Apple teams, their bundle ids, and the signing keys that they made.
 *
 *     team key        all topics of the team, both environments; the older kind
 *     team-scoped     all topics of the team, one environment; two an environment
 *     topic-specific  the topics that it lists, one environment; two hundred an environment, one other is related to it
 *
 * A team's list of bundle ids has a version, since connections go on with the list that they began with.
 * Source: Apple, "Establishing a token-based connection to APNs".
 */
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { type Random, randomHex } from '../randomness.ts'

export type ApnsEnvironment = 'production' | 'sandbox'

const MAX_TEAM_SCOPED_KEYS = 2
const MAX_TOPIC_SPECIFIC_KEYS = 200
const MAX_TOPICS_OF_KEY = 400

export interface CreateTeamKeyOptions {
  readonly bundleId: string
  /** Default: the team that owns the bundle id already, else a new one. */
  readonly teamId?: string
  /** Default both, as keys of the older kind are; one makes a team-scoped key. */
  readonly environments?: readonly ApnsEnvironment[]
  /** Default every topic of the team; else a topic-specific key. */
  readonly bundleIds?: readonly string[]
  /** Id of the topic-specific key that may be used on the same connection as this one. */
  readonly relatedTo?: string
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
  relatedKeyId: string | undefined
  isRevoked: boolean
}

interface Ownership {
  readonly teamId: string
  readonly sinceVersion: number
}

export class TeamKeys {
  readonly #random: Random
  readonly #keys = new Map<string, RegisteredKey>()
  readonly #owners = new Map<string, Ownership>()
  #version = 0

  constructor(random: Random) {
    this.#random = random
  }

  create(options: CreateTeamKeyOptions): TeamKey {
    const { bundleId, environments = ['production', 'sandbox'], bundleIds, relatedTo } = options
    const teamId = options.teamId ?? this.#owners.get(bundleId)?.teamId ?? this.#tenCharacters()
    this.#checkLimits(teamId, environments, bundleIds)
    const related = relatedTo === undefined ? undefined : this.#relatedKey(relatedTo, teamId, environments)
    this.addBundleId(teamId, bundleId)
    const keyId = this.#tenCharacters()
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const relatedKeyId = related?.keyId
    this.#keys.set(keyId, {
      keyId,
      teamId,
      publicKey,
      environments,
      bundleIds,
      relatedKeyId,
      isRevoked: false,
    })
    if (related !== undefined) related.relatedKeyId = keyId
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

  /** A new app of the team, or one that another team has handed over. */
  addBundleId(teamId: string, bundleId: string): void {
    if (this.#owners.get(bundleId)?.teamId === teamId) return
    this.#version++
    this.#owners.set(bundleId, { teamId, sinceVersion: this.#version })
  }

  /** Of the lists of bundle ids; for `owns`. */
  get version(): number {
    return this.#version
  }

  /** Whether the bundle id is the team's, and was already when the lists had this version. */
  owns(teamId: string, bundleId: string, version: number = this.#version): boolean {
    const owner = this.#owners.get(bundleId)
    return owner?.teamId === teamId && owner.sinceVersion <= version
  }

  #checkLimits(
    teamId: string,
    environments: readonly ApnsEnvironment[],
    bundleIds: readonly string[] | undefined,
  ): void {
    if (bundleIds !== undefined && bundleIds.length > MAX_TOPICS_OF_KEY)
      throw new Error(`a key is for ${MAX_TOPICS_OF_KEY} topics at most, not for ${bundleIds.length}`)
    const [environment] = environments
    if (environments.length !== 1 || environment === undefined) return
    const alike = [...this.#keys.values()].filter(
      key =>
        key.teamId === teamId &&
        !key.isRevoked &&
        key.environments.length === 1 &&
        key.environments[0] === environment &&
        (key.bundleIds === undefined) === (bundleIds === undefined),
    )
    const limit = bundleIds === undefined ? MAX_TEAM_SCOPED_KEYS : MAX_TOPIC_SPECIFIC_KEYS
    if (alike.length >= limit)
      throw new Error(`team ${teamId} has ${limit} keys of this kind for ${environment}`)
  }

  #relatedKey(keyId: string, teamId: string, environments: readonly ApnsEnvironment[]): RegisteredKey {
    const key = this.#keys.get(keyId)
    const isAlike =
      key?.teamId === teamId && key.bundleIds !== undefined && key.environments[0] === environments[0]
    if (!isAlike) throw new Error(`${keyId} is no topic-specific key of this team and environment`)
    if (key.relatedKeyId !== undefined) throw new Error(`key ${keyId} has a related key already`)
    return key
  }

  #tenCharacters(): string {
    return randomHex(this.#random, 10).toUpperCase()
  }
}
