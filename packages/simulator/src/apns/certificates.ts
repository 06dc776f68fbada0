/**
 * Push certificates: the older way to say who is pushing, by the TLS handshake instead of a signed token.
 *
 * The subject's UID is the bundle id. Which hosts and topics a certificate is good for is written in Apple's own
 * extensions; one that lists its topics ("universal") makes `apns-topic` required, one without is for its bundle id.
 * Source: Apple, "Establishing a certificate-based connection to APNs"; the encoding of the topics is that of Apple's
 * certificates: a SEQUENCE of a name (UTF8String) and a SEQUENCE of its kind (UTF8String), in turn.
 */
import type { Authority } from '../authority.ts'
import { toP12 } from './p12.ts'
import { isMdmTopic, type PushType, topicParts } from './push-types.ts'
import type { ApnsReason } from './refusals.ts'
import type { ApnsEnvironment } from './team-keys.ts'

const OID = {
  userId: '0.9.2342.19200300.100.1.1',
  sandbox: '1.2.840.113635.100.6.3.1',
  production: '1.2.840.113635.100.6.3.2',
  voip: '1.2.840.113635.100.6.3.4',
  topics: '1.2.840.113635.100.6.3.6',
} as const
const DAY_MS = 86_400_000
/** About 13 months. */
const LIFE_DAYS = 395
const DER = { null: Uint8Array.of(0x05, 0x00), utf8String: 0x0c, sequence: 0x30 } as const

export interface CreateCertificateOptions {
  /** For device management, the topic `com.apple.mgmt.…`. */
  readonly bundleId: string
  /** Default both. */
  readonly environments?: readonly ApnsEnvironment[]
  /** Listed in the certificate, with suffixes, as `com.example.app.voip`; absent: for the bundle id alone. */
  readonly topics?: readonly string[]
  /** Adds the topic for calls and its extension. */
  readonly voip?: boolean
  /** Default in 395 days, by the stand-in's clock. */
  readonly expiresAt?: Date
  /** Adds `p12`, the same in a file under this password. */
  readonly p12Password?: string
}

/** What a developer exports from the keychain. */
export interface ApnsCertificate {
  readonly bundleId: string
  readonly topics: readonly string[]
  readonly expiresAt: Date
  readonly certPem: string
  /** PKCS#8. */
  readonly keyPem: string
  readonly fingerprint: string
  /** Base64 of a `.p12` file; absent unless a password was given for it. */
  readonly p12?: string
}

export interface IssuedCertificate {
  readonly bundleId: string
  readonly environments: readonly ApnsEnvironment[]
  readonly topics: readonly string[]
  readonly listsTopics: boolean
  readonly expiresAtMs: number
  isRevoked: boolean
}

export class Certificates {
  readonly #authority: Authority
  readonly #clock: () => number
  readonly #issued = new Map<string, IssuedCertificate>()

  constructor(authority: Authority, clock: () => number) {
    this.#authority = authority
    this.#clock = clock
  }

  async create(options: CreateCertificateOptions): Promise<ApnsCertificate> {
    const { bundleId, environments = ['production', 'sandbox'], voip = false } = options
    const expiresAt = options.expiresAt ?? new Date(this.#clock() + LIFE_DAYS * DAY_MS)
    const listsTopics = voip || options.topics !== undefined
    const topics = [...new Set([...(options.topics ?? [bundleId]), ...(voip ? [`${bundleId}.voip`] : [])])]
    const identity = await this.#authority.issueClientCertificate({
      subject: [
        [OID.userId, bundleId],
        ['CN', commonName(bundleId)],
        ['C', 'US'],
      ],
      notBefore: new Date(Math.min(this.#clock(), expiresAt.getTime() - LIFE_DAYS * DAY_MS)),
      notAfter: expiresAt,
      extensions: [
        ...environments.map(environment => ({ oid: OID[environment], der: DER.null })),
        ...(voip ? [{ oid: OID.voip, der: derText(`${bundleId}.voip`) }] : []),
        ...(listsTopics ? [{ oid: OID.topics, der: derTopics(topics) }] : []),
      ],
    })
    this.#issued.set(identity.fingerprint, {
      bundleId,
      environments,
      topics,
      listsTopics,
      expiresAtMs: expiresAt.getTime(),
      isRevoked: false,
    })
    const { p12Password } = options
    const p12 = p12Password === undefined ? undefined : toP12(identity, p12Password).toString('base64')
    return { bundleId, topics, expiresAt, ...identity, ...(p12 !== undefined && { p12 }) }
  }

  revoke(fingerprint: string): void {
    const certificate = this.#issued.get(fingerprint)
    if (certificate === undefined) throw new Error('this certificate was not created here')
    certificate.isRevoked = true
  }

  find(fingerprint: string): IssuedCertificate | undefined {
    return this.#issued.get(fingerprint)
  }

  /** What is wrong with a certificate at this host; undefined is one of a stranger. */
  check(certificate: IssuedCertificate | undefined, environment: ApnsEnvironment): ApnsReason | undefined {
    if (certificate === undefined || certificate.isRevoked) return 'BadCertificate'
    if (this.#clock() >= certificate.expiresAtMs) return 'BadCertificate'
    return certificate.environments.includes(environment) ? undefined : 'BadCertificateEnvironment'
  }
}

/** The topic that a push goes to, or why it may not. */
export function topicByCertificate(
  certificate: IssuedCertificate,
  topic: string | undefined,
  type: PushType,
): { readonly topic: string } | { readonly reason: ApnsReason } {
  if (topic === undefined && certificate.listsTopics) return { reason: 'MissingTopic' }
  const asked = topic ?? (certificate.topics[0] as string)
  if (!certificate.topics.includes(asked) || type.isForTokensOnly) return { reason: 'TopicDisallowed' }
  const isOfAnotherType =
    type.suffix === '' && asked !== certificate.bundleId && topicParts(asked).bundleId !== asked
  return type.hasTopic(asked) && !isOfAnotherType ? { topic: asked } : { reason: 'BadTopic' }
}

function commonName(bundleId: string): string {
  return isMdmTopic(bundleId) ? 'APSP:stand-in' : `Apple Push Services: ${bundleId}`
}

function derTopics(topics: readonly string[]): Uint8Array<ArrayBuffer> {
  const parts = topics.flatMap(topic => [
    derText(topic),
    der(DER.sequence, derText(topicParts(topic).certificateKind)),
  ])
  return der(DER.sequence, ...parts)
}

function derText(text: string): Uint8Array<ArrayBuffer> {
  return der(DER.utf8String, new TextEncoder().encode(text))
}

/** Tag, length, content; a length of more than 127 has the number of its own bytes in front. Source: X.690 §8.1. */
function der(tag: number, ...contents: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const content = contents.flatMap(part => [...part])
  const { length } = content
  const bytes = length < 0x100 ? [length] : [length >> 8, length & 0xff]
  const prefix = length < 0x80 ? bytes : [0x80 | bytes.length, ...bytes]
  return Uint8Array.from([tag, ...prefix, ...content])
}
