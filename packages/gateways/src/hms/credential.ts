/**
 * What Push Kit wants to be known by: the app, and an OAuth client with its secret.
 *
 * The form of the ids is Huawei's own affair and not told, so only what copying spoils is checked.
 * Source: Huawei, "AppGallery Connect: Project settings, General information".
 */
import { isObject } from '../answer.ts'
import { fault, type Parsed } from '../credentials.ts'

export interface HmsCredential {
  readonly appId: string
  /** Names the app in the address of each send, and the client at the token endpoint. */
  readonly clientId: string
  readonly clientSecret: string
}

const PLACE = 'AppGallery Connect → My projects → the project → Project settings → General information'
const FIELDS = {
  appId: `Copy "App ID" from ${PLACE} → App information.`,
  clientId: `Copy "Client ID" from ${PLACE} → App information → OAuth 2.0 client ID.`,
  clientSecret: `Copy "Client secret" from ${PLACE} → App information → OAuth 2.0 client ID.`,
} as const

/** The three values as text; the secret is in no message. */
export function parseHmsCredential(input: unknown): Parsed<HmsCredential> {
  if (!isObject(input)) return fault('hms_not_an_object', 'The credential is no JSON object.', FIELDS.appId)
  for (const [field, remedy] of Object.entries(FIELDS)) {
    const problem = problemOf(field, input[field])
    if (problem !== undefined) return fault(`hms_${problem.code}`, problem.message, remedy)
  }
  const { appId, clientId, clientSecret } = input as unknown as HmsCredential
  return { ok: true, value: { appId, clientId, clientSecret } }
}

function problemOf(field: string, value: unknown): { code: string; message: string } | undefined {
  if (value === undefined || value === null || value === '') {
    return { code: 'incomplete', message: `${field} missing.` }
  }
  // Long ids lose digits as JSON numbers.
  if (typeof value !== 'string')
    return { code: 'not_text', message: `${field} must be written as text, in quotes.` }
  if (/\s/.test(value)) return { code: 'has_spaces', message: `${field} has a space or a line break in it.` }
  return undefined
}
