/**
 * An APNs client certificate with its private key: from PEM here, from a `.p12` file in `p12.ts`.
 *
 * Apple issues it for one app: the subject's UID is the bundle id, extensions name the environments and, in a
 * "universal" one, every topic. It lives about 13 months.
 * Source: Apple, "Establishing a certificate-based connection to APNs".
 */
import { type KeyObject, X509Certificate } from 'node:crypto'
import { createSecureContext } from 'node:tls'
import type { ApnsEnvironment } from '../apns/settings.ts'
import type { Clock } from '../clock.ts'
import { readPrivateKey } from './private-key.ts'
import { type CredentialProblem, fault, type Parsed } from './problem.ts'
import { type ApnsTopic, type AppleFields, readAppleFields } from './x509.ts'

export interface ApnsCertificate {
  /** PEM: the certificate, then those above it that came along. */
  readonly cert: string
  /** PEM, PKCS#8, not encrypted: to be sealed. */
  readonly key: string
  readonly commonName: string | undefined
  /** The subject's UID, the base topic as Apple wrote it. */
  readonly uid: string
  /** The app it is for: the UID, without `.voip` for a VoIP certificate. */
  readonly bundleId: string
  readonly environments: readonly ApnsEnvironment[]
  /** Every topic that it serves; at least one. */
  readonly topics: readonly ApnsTopic[]
  readonly notBefore: Date
  readonly expiresAt: Date
  /** SHA-256 over the certificate, lower-case hex. */
  readonly fingerprint: string
  /** What stops it now though it was read: `certificate_expired`, `certificate_not_yet_valid`. */
  readonly problems: readonly CredentialProblem[]
}

const EXPORT_REMEDY =
  'In Keychain Access → My Certificates unfold the push certificate, select it together with the private key below it, and export both as .p12.'
const RENEW_REMEDY =
  'Create a new Apple Push Notification service SSL certificate on developer.apple.com and upload it; apps need no new release.'
const APNS_REMEDY =
  'Upload the certificate of the kind "Apple Push Notification service SSL" for this app; a .p8 key serves all apps of the team.'
const PEM_REMEDY =
  'Upload one text with the certificate and its private key, as "openssl pkcs12 -in file.p12 -nodes" prints it.'
const MDM_PREFIX = 'com.apple.mgmt.'

/**
 * The certificate and its key from one PEM text. The password is only used when the key is encrypted. `clock` decides
 * what is expired.
 */
export function parsePemCertificate(
  pem: string,
  password: string | undefined,
  clock: Clock,
): Parsed<ApnsCertificate> {
  const blocks = [...pem.matchAll(/-----BEGIN ([A-Z0-9 ]+)-----(?:(?!-----BEGIN )[\s\S])+?-----END \1-----/g)]
  if (blocks.length === 0)
    return fault('pem_not_pem', 'There is no whole "-----BEGIN …-----" block in it.', PEM_REMEDY)
  const certificates = blocks
    .filter(([, label]) => label === 'CERTIFICATE')
    .map(([block]) => readCertificate(block))
  const keys = blocks.filter(([, label]) => label?.endsWith('PRIVATE KEY'))
  const readable = keys.flatMap(([block]) => readPrivateKey(block, password) ?? [])
  if (certificates.includes(undefined))
    return fault('pem_damaged', 'A certificate in it cannot be read.', PEM_REMEDY)
  if (keys.length > readable.length) return describeUnreadableKey(keys.some(isEncrypted), password)
  return joinCertificate(certificates.filter(isKnown), readable, clock)
}

function isEncrypted([block]: RegExpMatchArray): boolean {
  return block.includes('ENCRYPTED')
}

function describeUnreadableKey(hasPassword: boolean, password: string | undefined): Parsed<never> {
  if (!hasPassword)
    return fault('pem_damaged', 'The private key in it cannot be read; it is cut or altered.', PEM_REMEDY)
  const message = password
    ? 'The password does not open the private key.'
    : 'The private key is encrypted and no password was given.'
  return fault(
    'pem_wrong_password',
    message,
    'Give the password that the key was encrypted with, or upload it without encryption.',
  )
}

/** DER or PEM. */
export function readCertificate(content: string | Buffer): X509Certificate | undefined {
  try {
    return new X509Certificate(content)
  } catch {
    return undefined
  }
}

function isKnown<Value>(value: Value | undefined): value is Value {
  return value !== undefined
}

/**
 * Finds the certificate that belongs to a key among all that a file holds, and reads what Apple wrote into it. Of
 * several such pairs the one for APNs that lives longest.
 */
export function joinCertificate(
  certificates: readonly X509Certificate[],
  keys: readonly KeyObject[],
  clock: Clock,
): Parsed<ApnsCertificate> {
  const [first] = certificates
  if (first === undefined)
    return fault('certificate_missing', 'There is no certificate in the file.', EXPORT_REMEDY)
  if (keys.length === 0) {
    return fault(
      'certificate_key_missing',
      `The file holds the certificate ${nameOf(first)} without its private key.`,
      EXPORT_REMEDY,
    )
  }
  const pairs = keys.flatMap(key =>
    certificates.filter(it => it.checkPrivateKey(key)).map(it => ({ certificate: it, key })),
  )
  if (pairs.length === 0) {
    return fault(
      'certificate_key_mismatch',
      `The private key does not belong to the certificate ${nameOf(first)}.`,
      EXPORT_REMEDY,
    )
  }
  const read = pairs.map(pair => readPair(pair, certificates, clock))
  const good = read
    .filter(it => it.ok)
    .toSorted((one, other) => other.value.expiresAt.getTime() - one.value.expiresAt.getTime())
  return good[0] ?? (read[0] as Parsed<ApnsCertificate>)
}

interface Pair {
  readonly certificate: X509Certificate
  readonly key: KeyObject
}

function readPair(
  { certificate, key }: Pair,
  others: readonly X509Certificate[],
  clock: Clock,
): Parsed<ApnsCertificate> {
  const apple = readAppleFields(certificate.raw)
  if (apple.uid === undefined || apple.environments.length === 0) {
    return fault(
      'certificate_not_for_apns',
      `The certificate ${nameOf(certificate)} is not for push: Apple's marks for APNs are missing.`,
      APNS_REMEDY,
    )
  }
  const cert = chainOf(certificate, others)
    .map(it => it.toString())
    .join('')
  const keyPem = key.export({ type: 'pkcs8', format: 'pem' }) as string
  if (!canServeTls(cert, keyPem)) {
    return fault(
      'certificate_unusable',
      `TLS refuses ${nameOf(certificate)}: its key or its signature is too weak.`,
      RENEW_REMEDY,
    )
  }
  return {
    ok: true,
    value: { cert, key: keyPem, ...validityOf(certificate, clock), ...identityOf(apple, apple.uid) },
  }
}

function identityOf(
  apple: AppleFields,
  uid: string,
): Pick<ApnsCertificate, 'uid' | 'bundleId' | 'commonName' | 'environments' | 'topics'> {
  const bundleId = apple.hasVoipMark ? uid.replace(/\.voip$/, '') : uid
  const single = { topic: uid, kind: uid.startsWith(MDM_PREFIX) ? 'mdm' : 'app' }
  const voip = { topic: `${bundleId}.voip`, kind: 'voip' }
  const named = apple.topics.length > 0 ? apple.topics : [apple.hasVoipMark ? voip : single]
  return { uid, bundleId, commonName: apple.commonName, environments: apple.environments, topics: named }
}

function validityOf(
  certificate: X509Certificate,
  clock: Clock,
): Pick<ApnsCertificate, 'notBefore' | 'expiresAt' | 'fingerprint' | 'problems'> {
  const notBefore = new Date(certificate.validFrom)
  const expiresAt = new Date(certificate.validTo)
  return {
    notBefore,
    expiresAt,
    fingerprint: certificate.fingerprint256.replaceAll(':', '').toLowerCase(),
    problems: [...describeExpiry(expiresAt, clock), ...describeEarliness(notBefore, clock)],
  }
}

function describeExpiry(expiresAt: Date, clock: Clock): CredentialProblem[] {
  if (clock.now() < expiresAt.getTime()) return []
  return [
    {
      code: 'certificate_expired',
      message: `The certificate expired on ${dayOf(expiresAt)}.`,
      remedy: RENEW_REMEDY,
    },
  ]
}

function describeEarliness(notBefore: Date, clock: Clock): CredentialProblem[] {
  if (clock.now() >= notBefore.getTime()) return []
  const message = `The certificate is valid from ${notBefore.toISOString()} on.`
  return [
    { code: 'certificate_not_yet_valid', message, remedy: "Check this server's clock, or wait until then." },
  ]
}

function dayOf(date: Date): string {
  return date.toISOString().slice(0, 10)
}

/** TLS sends the certificate first and each issuer after it (RFC 8446 §4.4.2); others in the file are left out. */
function chainOf(leaf: X509Certificate, others: readonly X509Certificate[]): X509Certificate[] {
  const chain = [leaf]
  for (;;) {
    const last = chain.at(-1) as X509Certificate
    const issuer = others.find(it => !chain.includes(it) && last.checkIssued(it) && it.ca)
    if (issuer === undefined) return chain
    chain.push(issuer)
  }
}

/** The TLS library has its own floor for keys and digests; here an operator still hears of it. */
function canServeTls(cert: string, key: string): boolean {
  try {
    createSecureContext({ cert, key })
    return true
  } catch {
    return false
  }
}

function nameOf(certificate: X509Certificate): string {
  const name =
    /^CN=(.+)$/m.exec(certificate.subject)?.[1] ?? certificate.subject.split('\n')[0] ?? 'without a name'
  return `"${name.slice(0, 100)}"`
}
