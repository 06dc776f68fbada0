/**
 * Who may push to what: the credential of a request, and the topics that it is good for.
 *
 * Source: Apple, "Establishing a token-based connection to APNs", "Establishing a certificate-based connection to APNs".
 */
import { type Certificates, topicByCertificate } from './certificates.ts'
import type { ApnsConnection } from './connection.ts'
import type { ProviderTokenCheck } from './provider-token.ts'
import { type PushType, topicParts } from './push-types.ts'
import type { ApnsReason } from './refusals.ts'
import type { PushHeaders } from './request.ts'
import type { RegisteredKey, TeamKeys } from './team-keys.ts'

/** What a request may do: push to this topic, or be refused. */
export type TopicVerdict = { readonly topic: string } | { readonly reason: ApnsReason }

interface AccessOptions {
  readonly keys: TeamKeys
  readonly certificates: Certificates
  readonly providerTokens: ProviderTokenCheck
}

export class Access {
  readonly #keys: TeamKeys
  readonly #certificates: Certificates
  readonly #providerTokens: ProviderTokenCheck

  constructor(options: AccessOptions) {
    this.#keys = options.keys
    this.#certificates = options.certificates
    this.#providerTokens = options.providerTokens
  }

  /** Whether `check` can decide at once; if not, `learn` comes first. */
  knows(headers: PushHeaders, connection: ApnsConnection): boolean {
    return connection.hasCertificate || this.#providerTokens.knows(headers.authorization)
  }

  async learn(headers: PushHeaders): Promise<void> {
    await this.#providerTokens.learn(headers.authorization ?? '')
  }

  /** The key of the request's token, undefined where a certificate stands for it, or why it may do nothing. */
  check(headers: PushHeaders, connection: ApnsConnection): RegisteredKey | ApnsReason | undefined {
    const { environment, certificate, hasCertificate } = connection
    if (hasCertificate) return this.#certificates.check(certificate, environment)
    return this.#providerTokens.check(headers.authorization, environment, connection)
  }

  /** `key`: what `check` gave. */
  topic(
    headers: PushHeaders,
    type: PushType,
    connection: ApnsConnection,
    key: RegisteredKey | undefined,
  ): TopicVerdict {
    const { certificate } = connection
    if (certificate !== undefined) return topicByCertificate(certificate, headers.topic, type)
    return this.#topicByToken(headers.topic, type, connection, key)
  }

  /** Whether the credential is for this app's channels. */
  app(bundleId: string, connection: ApnsConnection, key: RegisteredKey | undefined): ApnsReason | undefined {
    const { certificate } = connection
    const isAllowed =
      certificate === undefined
        ? this.#owns(bundleId, connection, key) && key?.bundleIds?.includes(bundleId) !== false
        : certificate.topics.includes(bundleId)
    return isAllowed ? undefined : 'TopicMismatch'
  }

  #topicByToken(
    topic: string | undefined,
    type: PushType,
    connection: ApnsConnection,
    key: RegisteredKey | undefined,
  ): TopicVerdict {
    if (topic === undefined) return { reason: 'MissingTopic' }
    if (!type.hasTopic(topic)) return { reason: 'BadTopic' }
    const bundleId = topic.slice(0, topic.length - type.suffix.length)
    if (this.#owns(bundleId, connection, key))
      return key?.bundleIds?.includes(bundleId) === false ? { reason: 'TopicDisallowed' } : { topic }
    // Another type's topic of an app of the team, or no app of the team's.
    const isAnotherTypes = this.#owns(topicParts(topic).bundleId, connection, key)
    return { reason: isAnotherTypes ? 'BadTopic' : 'InvalidProviderToken' }
  }

  /** By the list of bundle ids that the connection began with. */
  #owns(bundleId: string, connection: ApnsConnection, key: RegisteredKey | undefined): boolean {
    return key !== undefined && this.#keys.owns(key.teamId, bundleId, connection.binding?.version)
  }
}
