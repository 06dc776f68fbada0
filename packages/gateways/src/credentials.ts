/**
 * Reads what an operator uploads as a gateway's credential, and says what is wrong with it in words that lead
 * to the right file. Key material never appears in a message.
 */
import { createPrivateKey, type KeyObject } from 'node:crypto'
import { isObject } from './answer.ts'

export interface CredentialProblem {
  readonly code: string
  readonly message: string
  readonly remedy: string
}

export type Parsed<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly problem: CredentialProblem }

/** What the gateway clients use of a Google service account's key file. */
export interface ServiceAccount {
  readonly projectId: string
  readonly clientEmail: string
  readonly privateKeyId: string | undefined
  readonly privateKey: KeyObject
  /** The audience of the assertion; Google's own token endpoint when the file names none. */
  readonly tokenUri: string
}

/** Shorter keys can be broken, and OpenSSL refuses to sign with them. RFC 7518 §3.3 asks for this of RS256. */
const RSA_MIN_BITS = 2048
const GOOGLE_TOKEN_URI = 'https://oauth2.googleapis.com/token'
const P8_REMEDY =
  'Upload the AuthKey_….p8 file that Apple Developer → Keys offers once, when the key is created.'
const ACCOUNT_REMEDY =
  'Upload the JSON file from Firebase console → Project settings → Service accounts → Generate new private key.'

export function fault(
  code: string,
  message: string,
  remedy: string,
): { ok: false; problem: CredentialProblem } {
  return { ok: false, problem: { code, message, remedy } }
}

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

function readPrivateKey(pem: string): KeyObject | undefined {
  try {
    return createPrivateKey(pem)
  } catch {
    return undefined
  }
}

/** A service account's key file, as text or already parsed. */
export function parseServiceAccount(json: string | object): Parsed<ServiceAccount> {
  const file = typeof json === 'string' ? readJson(json) : json
  if (!isObject(file)) return fault('service_account_not_json', 'This is not a JSON object.', ACCOUNT_REMEDY)
  const misfit = describeOtherJson(file)
  if (misfit) return fault('service_account_wrong_file', misfit, ACCOUNT_REMEDY)
  for (const field of ['project_id', 'client_email', 'private_key']) {
    if (typeof file[field] !== 'string' || file[field] === '') {
      return fault('service_account_incomplete', `${field} missing.`, ACCOUNT_REMEDY)
    }
  }
  return readServiceAccount(file as Record<string, string>)
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function describeOtherJson(file: Record<string, unknown>): string | undefined {
  if ('project_info' in file) return 'This is google-services.json, the app’s configuration; it holds no key.'
  if ('apiKey' in file) return 'This is a web app’s configuration; it holds no key.'
  if ('installed' in file || 'web' in file) return 'This is an OAuth client; a service account is needed.'
  if (file.type !== undefined && file.type !== 'service_account') {
    return 'The field "type" is not "service_account".'
  }
  return undefined
}

function readServiceAccount(file: Record<string, string>): Parsed<ServiceAccount> {
  const privateKey = readPrivateKey(file.private_key as string)
  if (privateKey?.asymmetricKeyType !== 'rsa') {
    const message = privateKey
      ? `private_key is a ${privateKey.asymmetricKeyType} key; Google issues RSA keys.`
      : 'private_key cannot be read; its line breaks may have been lost in copying.'
    return fault('service_account_key_damaged', message, ACCOUNT_REMEDY)
  }
  const bits = privateKey.asymmetricKeyDetails?.modulusLength ?? 0
  if (bits < RSA_MIN_BITS) {
    return fault(
      'service_account_key_weak',
      `private_key is an RSA key of ${bits} bits; Google takes ${RSA_MIN_BITS} or more.`,
      ACCOUNT_REMEDY,
    )
  }
  const value: ServiceAccount = {
    projectId: file.project_id as string,
    clientEmail: file.client_email as string,
    privateKeyId: file.private_key_id,
    privateKey,
    tokenUri: file.token_uri ?? GOOGLE_TOKEN_URI,
  }
  return { ok: true, value }
}

/** For credentials that were checked when they were uploaded: a bad one here is a mistake of the program. */
export function mustParse<Value>(parsed: Parsed<Value>): Value {
  if (parsed.ok) return parsed.value
  const { code, message, remedy } = parsed.problem
  throw new TypeError(`${code}: ${message} ${remedy}`)
}
