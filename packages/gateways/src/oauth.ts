/**
 * Bearer tokens from an OAuth 2.0 token endpoint, held for one credential.
 *
 * One exchange at a time, whoever asks; renewed 5 minutes before its end, and while that fails the old token serves
 * until it ends. What goes wrong here is told as an outcome of the attempt: it is about the account or the token
 * endpoint and never about an address. Where that can't be reached nothing was sent, as where the gateway can't be.
 * Source: RFC 6749 §4.4, §5.1 and §5.2.
 */
import { quote, readJsonObject, retryAfterMs } from './answer.ts'
import type { Clock } from './clock.ts'
import type { AttemptOutcome } from './outcome.ts'
import type { Transport, TransportResult } from './transport.ts'

export type AccessToken =
  | { readonly ok: true; readonly token: string }
  | { readonly ok: false; readonly outcome: AttemptOutcome }

export interface AccessTokens {
  /** Never rejects for anything that the token endpoint or the network does. */
  current(): Promise<AccessToken>
  /** The same where it is there and need not be renewed yet. It is asked before every push. */
  ready(): AccessToken | undefined
  /** Forgets `refused`, unless another one stands there already. */
  drop(refused: string): void
}

export interface AccessTokenOptions {
  readonly tokenUrl: string
  /** The form of one exchange; asked for each time, since an assertion has a time in it. */
  readonly form: () => URLSearchParams | Promise<URLSearchParams>
  readonly transport: Transport
  readonly clock: Clock
  readonly deadlineMs: number
}

const RENEW_EARLY_MS = 5 * 60_000
/** Where the endpoint does not say how long its token lives. */
const DEFAULT_LIFE_SECONDS = 3600
/** How long a renewal that failed too early to matter is left alone. */
const RENEW_AGAIN_MS = 30_000

interface HeldToken {
  readonly answer: AccessToken & { readonly ok: true }
  readonly endsAt: number
  renewAt: number
}

export function createAccessTokens(options: AccessTokenOptions): AccessTokens {
  const { clock } = options
  let held: HeldToken | undefined
  let exchange: Promise<AccessToken> | undefined

  async function renew(): Promise<AccessToken> {
    const answer = await requestToken(options)
    if (answer.ok) {
      held = holdFrom(clock.now(), answer)
      return answer
    }
    if (held === undefined || clock.now() >= held.endsAt) return answer
    held.renewAt = clock.now() + (waitOf(answer.outcome) ?? RENEW_AGAIN_MS)
    return held.answer
  }

  function ready(): AccessToken | undefined {
    if (held === undefined || clock.now() >= Math.min(held.renewAt, held.endsAt)) return undefined
    return held.answer
  }

  return {
    ready,
    current: async () => {
      const known = ready()
      if (known !== undefined) return known
      exchange ??= renew().finally(() => {
        exchange = undefined
      })
      return exchange
    },
    drop: refused => {
      if (held?.answer.token === refused) held = undefined
    },
  }
}

/** A token of a few minutes is renewed at half of its life. */
function holdFrom(now: number, { token, lifeMs }: { token: string; lifeMs: number }): HeldToken {
  return {
    answer: { ok: true, token },
    endsAt: now + lifeMs,
    renewAt: now + lifeMs - Math.min(RENEW_EARLY_MS, lifeMs / 2),
  }
}

function waitOf(outcome: AttemptOutcome): number | undefined {
  return outcome.kind === 'retry' ? outcome.afterMs : undefined
}

type Exchanged =
  | { readonly ok: true; readonly token: string; readonly lifeMs: number }
  | { readonly ok: false; readonly outcome: AttemptOutcome }

async function requestToken(options: AccessTokenOptions): Promise<Exchanged> {
  const url = new URL(options.tokenUrl)
  const form = await options.form()
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

function readToken(result: TransportResult, clock: Clock): Exchanged {
  if (result.kind !== 'response')
    return { ok: false, outcome: { kind: 'not_sent', reason: `token endpoint: ${result.reason}` } }
  const answer = readJsonObject(result.body)
  const { status, headers } = result
  if (status === 200 && typeof answer?.access_token === 'string' && answer.access_token !== '') {
    return { ok: true, token: answer.access_token, lifeMs: lifeSecondsOf(answer.expires_in) * 1000 }
  }
  const reason = `token endpoint: ${describe(answer) || `status ${status}`}`
  const isRefusal = status >= 400 && status < 500 && status !== 429 && status !== 408
  if (isRefusal) return { ok: false, outcome: { kind: 'credential_fault', reason } }
  return waitFor(reason, retryAfterMs(headers, clock))
}

function lifeSecondsOf(expiresIn: unknown): number {
  return typeof expiresIn === 'number' && expiresIn > 0 ? expiresIn : DEFAULT_LIFE_SECONDS
}

/** `{"error":"invalid_grant","error_description":"…"}`; Huawei's `error` is a number. */
function describe(answer: Record<string, unknown> | undefined): string {
  const words = [answer?.error, answer?.error_description].filter(
    word => typeof word === 'string' || typeof word === 'number',
  )
  return quote(words.join(': '))
}

function waitFor(reason: string, afterMs: number | undefined): Exchanged {
  return { ok: false, outcome: { kind: 'retry', reason, scope: 'credential', afterMs } }
}
