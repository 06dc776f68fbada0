/**
 * Google access tokens for a service account: a signed assertion is exchanged for a bearer token of an hour.
 *
 * One exchange at a time, whoever asks; renewed 5 minutes before its end. What goes wrong here is told as an
 * outcome of the attempt: it is about the account or Google's token service and never about an address.
 * Source: Google Identity, "Using OAuth 2.0 for server to server applications".
 */
import { SignJWT } from 'jose'
import { quote, readJsonObject, retryAfterMs } from '../answer.ts'
import type { Clock } from '../clock.ts'
import type { ServiceAccount } from '../credentials.ts'
import type { AttemptOutcome } from '../outcome.ts'
import type { Transport, TransportResult } from '../transport.ts'
import { ASSERTION_LIFE_SECONDS, MESSAGING_SCOPE, TOKEN_RENEW_EARLY_MS } from './settings.ts'

export type AccessToken =
  | { readonly ok: true; readonly token: string }
  | { readonly ok: false; readonly outcome: AttemptOutcome }

export interface AccessTokens {
  current(): Promise<AccessToken>
  /** Forgets `refused`, unless another one stands there already. */
  drop(refused: string): void
}

export interface AccessTokenOptions {
  readonly account: ServiceAccount
  readonly tokenUrl: string
  readonly transport: Transport
  readonly clock: Clock
  readonly deadlineMs: number
}

export function createAccessTokens(options: AccessTokenOptions): AccessTokens {
  const { clock } = options
  let held: { token: string; until: number } | undefined
  let exchange: Promise<AccessToken> | undefined

  async function renew(): Promise<AccessToken> {
    const answer = await requestToken(options)
    if (!answer.ok) return answer
    held = { token: answer.token, until: clock.now() + answer.lifeMs - TOKEN_RENEW_EARLY_MS }
    return answer
  }

  return {
    current: async () => {
      if (held && clock.now() < held.until) return { ok: true, token: held.token }
      exchange ??= renew().finally(() => {
        exchange = undefined
      })
      return exchange
    },
    drop: refused => {
      if (held?.token === refused) held = undefined
    },
  }
}

type Exchanged =
  | { readonly ok: true; readonly token: string; readonly lifeMs: number }
  | { readonly ok: false; readonly outcome: AttemptOutcome }

async function requestToken(options: AccessTokenOptions): Promise<Exchanged> {
  const url = new URL(options.tokenUrl)
  const form = new URLSearchParams({
    grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
    assertion: await signAssertion(options.account, options.clock),
  })
  const result = await options.transport.request({
    origin: url.origin,
    method: 'POST',
    path: url.pathname + url.search,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: Buffer.from(form.toString()),
    deadlineMs: options.deadlineMs,
  })
  return readToken(result, options.clock)
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

function readToken(result: TransportResult, clock: Clock): Exchanged {
  if (result.kind !== 'response') return waitFor(`token endpoint: ${result.reason}`, undefined)
  const answer = readJsonObject(result.body)
  if (result.status === 200 && typeof answer?.access_token === 'string') {
    const lifeSeconds = typeof answer.expires_in === 'number' ? answer.expires_in : ASSERTION_LIFE_SECONDS
    return { ok: true, token: answer.access_token, lifeMs: lifeSeconds * 1000 }
  }
  const reason = `token endpoint: ${describe(answer) || `status ${result.status}`}`
  const isRefusal =
    result.status >= 400 && result.status < 500 && result.status !== 429 && result.status !== 408
  if (isRefusal) return { ok: false, outcome: { kind: 'credential_fault', reason } }
  return waitFor(reason, retryAfterMs(result.headers, clock))
}

/** OAuth's form, not FCM's: `{"error":"invalid_grant","error_description":"…"}`. */
function describe(answer: Record<string, unknown> | undefined): string {
  const words = [answer?.error, answer?.error_description].filter(word => typeof word === 'string')
  return quote(words.join(': '))
}

function waitFor(reason: string, afterMs: number | undefined): Exchanged {
  return { ok: false, outcome: { kind: 'retry', reason, scope: 'credential', afterMs } }
}
