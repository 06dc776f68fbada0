/**
 * A Google service account's key file, which signs for FCM.
 * Source: Google, "Using OAuth 2.0 for server to server applications".
 */
import type { KeyObject } from 'node:crypto'
import { isObject } from '../answer.ts'
import { readPrivateKey } from './private-key.ts'
import { fault, type Parsed } from './problem.ts'

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
const ACCOUNT_REMEDY =
  'Upload the JSON file from Firebase console → Project settings → Service accounts → Generate new private key.'

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
