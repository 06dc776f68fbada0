/**
 * PKCS#12 files (`.p12`), as Keychain Access exports a push certificate: the key under 3DES, a SHA-1 MAC over all.
 *
 * OpenSSL 3 needs `-legacy` to open one of them, and whoever rehearses an upload should meet that.
 * Source: RFC 7292.
 */
import forge from 'node-forge'

const { asn1, pkcs12, pki } = forge

export function toP12(
  identity: { readonly certPem: string; readonly keyPem: string },
  password: string,
): Buffer {
  const key = pki.privateKeyFromPem(identity.keyPem)
  const file = pkcs12.toPkcs12Asn1(key, pki.certificateFromPem(identity.certPem), password, {
    algorithm: '3des',
  })
  return Buffer.from(asn1.toDer(file).getBytes(), 'binary')
}
