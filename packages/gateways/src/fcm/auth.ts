/**
 * Google access tokens for a service account: a signed assertion is exchanged for a bearer token of an hour.
 * Source: Google Identity, "Using OAuth 2.0 for server to server applications"; RFC 7523 §2.1.
 */
import { SignJWT } from 'jose'
import type { Clock } from '../clock.ts'
import type { ServiceAccount } from '../credentials.ts'
import { ASSERTION_LIFE_SECONDS, MESSAGING_SCOPE } from './settings.ts'

/** The form of one exchange. */
export async function assertionForm(account: ServiceAccount, clock: Clock): Promise<URLSearchParams> {
  return new URLSearchParams({
    grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
    assertion: await signAssertion(account, clock),
  })
}

function signAssertion(account: ServiceAccount, clock: Clock): Promise<string> {
  const now = Math.floor(clock.now() / 1000)
  const { privateKeyId: kid } = account
  return new SignJWT({ scope: MESSAGING_SCOPE })
    .setProtectedHeader({ alg: 'RS256', typ: 'JWT', ...(kid !== undefined && { kid }) })
    .setIssuer(account.clientEmail)
    .setAudience(account.tokenUri)
    .setIssuedAt(now)
    .setExpirationTime(now + ASSERTION_LIFE_SECONDS)
    .sign(account.privateKey)
}
