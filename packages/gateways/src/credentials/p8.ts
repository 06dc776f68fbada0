/**
 * The key file for APNs' token authentication, as Apple offers it for download once.
 * Source: Apple, "Establishing a token-based connection to APNs".
 */
import type { KeyObject } from 'node:crypto'
import { readPrivateKey } from './private-key.ts'
import { fault, type Parsed } from './problem.ts'

const P8_REMEDY =
  'Upload the AuthKey_….p8 file that Apple Developer → Keys offers once, when the key is created.'

/** An APNs signing key: PKCS#8, ECDSA on P-256. */
export function parseP8(pem: string): Parsed<KeyObject> {
  const misfit = describeOtherPem(pem)
  if (misfit) return fault('p8_not_a_key', misfit, P8_REMEDY)
  const key = readPrivateKey(pem)
  if (!key)
    return fault('p8_damaged', 'The private key cannot be read; the file is cut or altered.', P8_REMEDY)
  if (key.asymmetricKeyType !== 'ec') {
    return fault(
      'p8_wrong_key',
      `This is a ${key.asymmetricKeyType} key; APNs wants an EC key on P-256.`,
      P8_REMEDY,
    )
  }
  const curve = key.asymmetricKeyDetails?.namedCurve
  if (curve !== 'prime256v1') {
    return fault('p8_wrong_curve', `This is a ${curveName(curve)} key; APNs wants P-256.`, P8_REMEDY)
  }
  return { ok: true, value: key }
}

function curveName(curve: string | undefined): string {
  return { secp384r1: 'P-384', secp521r1: 'P-521' }[curve ?? ''] ?? curve ?? 'unnamed-curve'
}

/** What a file is that is not a plain private key; `undefined` when it looks like one. */
function describeOtherPem(pem: string): string | undefined {
  if (pem.trim() === '') return 'The file is empty.'
  const label = /-----BEGIN ([A-Z0-9 ]+)-----/.exec(pem)?.[1]
  if (label === undefined) return 'This is not a PEM file: the line "-----BEGIN PRIVATE KEY-----" is missing.'
  if (label.startsWith('ENCRYPTED')) return 'This key is encrypted; APNs keys come without a password.'
  if (label.endsWith('PRIVATE KEY')) return undefined
  if (label === 'CERTIFICATE') return 'This is a certificate, not a key.'
  if (label === 'CERTIFICATE REQUEST') return 'This is a certificate request, not a key.'
  if (label.endsWith('PUBLIC KEY')) return 'This is a public key; the private key is needed.'
  return `This is a PEM file of another kind (${label.toLowerCase()}), not a private key.`
}
