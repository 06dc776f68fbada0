/**
 * A certificate authority that lives as long as one simulator, and the server certificate that it signs.
 *
 * Senders must trust it on purpose (`caPem`); nothing here weakens anybody's checks.
 * Source: RFC 5280 for the extensions.
 */
// The certificate library asks for this polyfill and refuses to load before it.
import 'reflect-metadata'
import { randomBytes, webcrypto } from 'node:crypto'
import * as x509 from '@peculiar/x509'

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
const DAY_MS = 86_400_000
/** OID of extended key usage "server authentication". */
const SERVER_AUTH = '1.3.6.1.5.5.7.3.1'

export interface ServerIdentity {
  readonly caPem: string
  readonly certPem: string
  readonly keyPem: string
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
