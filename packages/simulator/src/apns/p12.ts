/**
 * PKCS#12 files (`.p12`), as Keychain Access exports a push certificate: the key under 3DES, a SHA-1 MAC over all.
 *
 * OpenSSL 3 needs `-legacy` to open one, which a rehearsal should meet. The bag of the certificate and the MAC are made
 * here: node-forge would write the certificate anew, and since it knows RSA signatures alone, with other bytes.
 * Source: RFC 7292.
 */
import { createHmac, X509Certificate } from 'node:crypto'
import forge, { type asn1, type Bytes, type util } from 'node-forge'

const { Class, Type, create, oidToDer, integerToDer, toDer } = forge.asn1
const { oids } = forge.pki
const VERSION = 3
/** As OpenSSL and Keychain Access write it. */
const ITERATIONS = 2048
const SALT_BYTES = 8
const MAC_BYTES = 20
/** RFC 7292 §B.3: the key is for integrity. */
const MAC_KEY = 3

/** RFC 7292 §B.2, of which node-forge's types say nothing. */
const { generateKey } = forge.pkcs12 as unknown as {
  generateKey(
    password: string,
    salt: util.ByteStringBuffer,
    id: number,
    iterations: number,
    bytes: number,
  ): util.ByteStringBuffer
}

export function toP12(
  { certPem, keyPem }: { readonly certPem: string; readonly keyPem: string },
  password: string,
): Buffer {
  const bags = [certificateBag(certPem), keyBag(keyPem, password)]
  const safe = derOf(sequence(...bags.map(bag => data(derOf(sequence(bag))))))
  return Buffer.from(derOf(sequence(integer(VERSION), data(safe), macData(safe, password))), 'binary')
}

function certificateBag(certPem: string): asn1.Asn1 {
  const der = new X509Certificate(certPem).raw.toString('binary')
  const content = sequence(oid(oids.x509Certificate), tagged(octets(der)))
  return sequence(oid(oids.certBag), tagged(content))
}

function keyBag(keyPem: string, password: string): asn1.Asn1 {
  const key = forge.pki.wrapRsaPrivateKey(forge.pki.privateKeyToAsn1(forge.pki.privateKeyFromPem(keyPem)))
  const options = { algorithm: '3des', count: ITERATIONS, saltSize: SALT_BYTES } as const
  return sequence(
    oid(oids.pkcs8ShroudedKeyBag),
    tagged(forge.pki.encryptPrivateKeyInfo(key, password, options)),
  )
}

function macData(safe: Bytes, password: string): asn1.Asn1 {
  const salt = forge.random.getBytesSync(SALT_BYTES)
  const key = generateKey(password, forge.util.createBuffer(salt), MAC_KEY, ITERATIONS, MAC_BYTES)
  const mac = createHmac('sha1', Buffer.from(key.getBytes(), 'binary')).update(safe, 'binary')
  const algorithm = sequence(oid(oids.sha1), create(Class.UNIVERSAL, Type.NULL, false, ''))
  return sequence(sequence(algorithm, octets(mac.digest('binary'))), octets(salt), integer(ITERATIONS))
}

/** ContentInfo of PKCS#7's plain data. */
function data(der: Bytes): asn1.Asn1 {
  return sequence(oid(oids.data), tagged(octets(der)))
}

function sequence(...parts: asn1.Asn1[]): asn1.Asn1 {
  return create(Class.UNIVERSAL, Type.SEQUENCE, true, parts)
}

function tagged(content: asn1.Asn1): asn1.Asn1 {
  return create(Class.CONTEXT_SPECIFIC, 0, true, [content])
}

function octets(bytes: Bytes): asn1.Asn1 {
  return create(Class.UNIVERSAL, Type.OCTETSTRING, false, bytes)
}

function oid(id: string | undefined): asn1.Asn1 {
  return create(Class.UNIVERSAL, Type.OID, false, oidToDer(id as string).getBytes())
}

function integer(value: number): asn1.Asn1 {
  return create(Class.UNIVERSAL, Type.INTEGER, false, integerToDer(value).getBytes())
}

function derOf(value: asn1.Asn1): Bytes {
  return toDer(value).getBytes()
}
