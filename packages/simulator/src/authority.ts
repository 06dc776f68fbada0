/**
 * A certificate authority that lives as long as one simulator, and the certificates that it signs.
 *
 * Senders must trust it on purpose (`caPem`); nothing here weakens anybody's checks.
 * Source: RFC 5280 for the extensions.
 */
// The certificate library asks for this polyfill and refuses to load before it.
import 'reflect-metadata'
import { randomBytes, webcrypto, X509Certificate } from 'node:crypto'
import * as x509 from '@peculiar/x509'

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
const DAY_MS = 86_400_000
/** OIDs of the extended key usages "server authentication" and "client authentication". */
const SERVER_AUTH = '1.3.6.1.5.5.7.3.1'
const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2'
/** As the keys of Apple's push certificates are. */
const CLIENT_KEY = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256', modulusLength: 2048 }
const PUBLIC_EXPONENT = new Uint8Array([1, 0, 1])

export interface ServerIdentity {
  readonly caPem: string
  readonly certPem: string
  readonly keyPem: string
  readonly authority: Authority
}

export interface ClientCertificateOptions {
  /** Short names (`CN`) or OIDs, in their order. */
  readonly subject: readonly (readonly [type: string, value: string])[]
  readonly notBefore: Date
  readonly notAfter: Date
  readonly extensions: readonly { readonly oid: string; readonly der: Uint8Array<ArrayBuffer> }[]
}

export interface ClientIdentity {
  readonly certPem: string
  /** PKCS#8. */
  readonly keyPem: string
  /** SHA-256, as `X509Certificate.fingerprint256` writes it. */
  readonly fingerprint: string
}

/** Signs certificates for senders. Their dates are by the caller's clock: nobody's TLS stack looks at them. */
export class Authority {
  readonly #certificate: x509.X509Certificate
  readonly #keys: webcrypto.CryptoKeyPair

  constructor(certificate: x509.X509Certificate, keys: webcrypto.CryptoKeyPair) {
    this.#certificate = certificate
    this.#keys = keys
  }

  async issueClientCertificate(options: ClientCertificateOptions): Promise<ClientIdentity> {
    const { subject, notBefore, notAfter } = options
    const keys = await webcrypto.subtle.generateKey(
      { ...CLIENT_KEY, publicExponent: PUBLIC_EXPONENT },
      true,
      ['sign', 'verify'],
    )
    const certificate = await x509.X509CertificateGenerator.create({
      serialNumber: serialNumber(),
      subject: subject.map(([type, value]) => ({ [type]: [value] })),
      issuer: this.#certificate.subject,
      notBefore,
      notAfter,
      publicKey: keys.publicKey,
      signingKey: this.#keys.privateKey,
      signingAlgorithm: ALGORITHM,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.ExtendedKeyUsageExtension([CLIENT_AUTH]),
        ...options.extensions.map(({ oid, der }) => new x509.Extension(oid, false, der)),
      ],
    })
    const certPem = certificate.toString('pem')
    const keyPem = await privateKeyPem(keys.privateKey)
    return { certPem, keyPem, fingerprint: new X509Certificate(certPem).fingerprint256 }
  }
}

/** Makes an authority and one server certificate for localhost, 127.0.0.1, ::1, `host` and `names`. */
export async function createServerIdentity(
  host: string,
  names: readonly string[] = [],
): Promise<ServerIdentity> {
  // The real clock: these are checked by TLS stacks, which know nothing of a simulator's own time.
  const notBefore = new Date(Date.now() - DAY_MS)
  const notAfter = new Date(Date.now() + 30 * DAY_MS)
  const authorityKeys = await generateKeys()
  const serverKeys = await generateKeys()
  const authority = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: 'CN=Roost simulator authority',
    notBefore,
    notAfter,
    keys: authorityKeys,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(authorityKeys.publicKey),
    ],
  })
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: 'CN=Roost simulator',
    issuer: authority.subject,
    notBefore,
    notAfter,
    publicKey: serverKeys.publicKey,
    signingKey: authorityKeys.privateKey,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.ExtendedKeyUsageExtension([SERVER_AUTH]),
      new x509.SubjectAlternativeNameExtension(alternativeNames([host, ...names])),
      await x509.AuthorityKeyIdentifierExtension.create(authorityKeys.publicKey),
    ],
  })
  return {
    caPem: authority.toString('pem'),
    certPem: certificate.toString('pem'),
    keyPem: await privateKeyPem(serverKeys.privateKey),
    authority: new Authority(authority, authorityKeys),
  }
}

function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
}

function serialNumber(): string {
  // The first bit must be 0, or the DER integer is a negative number.
  return `1${randomBytes(15).toString('hex')}`
}

function alternativeNames(given: readonly string[]): x509.JsonGeneralName[] {
  const names = new Set(['localhost', '127.0.0.1', '::1', ...given])
  return [...names].map(value => ({ type: isAddress(value) ? 'ip' : 'dns', value }))
}

function isAddress(host: string): boolean {
  return /^[\d.]+$/.test(host) || host.includes(':')
}

async function privateKeyPem(key: webcrypto.CryptoKey): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key)).toString('base64')
  return `-----BEGIN PRIVATE KEY-----\n${der.replace(/(.{64})/g, '$1\n').trimEnd()}\n-----END PRIVATE KEY-----\n`
}
