/** A credential in words: what it is, how long it lives, and what there is to say of it at once. */
import type { Credential, CredentialProblem } from '../api/shapes.ts'
import type { Translate } from '../i18n/translate.ts'
import type { TextKey } from '../texts/areas.ts'

const DAY_MS = 24 * 60 * 60_000
/** From here on the server warns, too. */
const SOON_DAYS = 30
const URGENT_DAYS = 7

type T = Translate<TextKey<'credentials'>>

export function nameOfKind(kind: string, t: T): string {
  return t.known(`kind.${kind}`) ?? kind
}

/** Those that say what they are by themselves, and those that need a word. */
const SETTINGS = [
  'bundleId',
  'keyId',
  'teamId',
  'commonName',
  'projectId',
  'clientEmail',
  'subject',
  'publicKey',
  'appId',
  'clientId',
] as const

/** What tells it from another one, longest-known name first: "com.example.app · key ABCDE12345 · team TEAM123456". */
export function tellSettings({ settings }: Pick<Credential, 'settings'>, t: T): string {
  return SETTINGS.flatMap(name => {
    const value = settings[name]
    return typeof value === 'string' ? [t.known(`setting.${name}`, { value }) ?? value] : []
  }).join(' · ')
}

export interface Topic {
  readonly topic: string
  /** `app`, or what else of the app it is for: voip, complication, … */
  readonly kind: string
}

/** What a certificate may be sent to. */
export function topicsOf(settings: Credential['settings']): Topic[] {
  const { topics } = settings
  if (!Array.isArray(topics)) return []
  return topics.flatMap((each: unknown) => {
    const { topic, kind } = (each ?? {}) as Readonly<Record<string, unknown>>
    return typeof topic === 'string' ? [{ topic, kind: typeof kind === 'string' ? kind : 'app' }] : []
  })
}

/** Whether addresses of this environment are sent to with it; those of other gateways have none. */
export function servesEnvironment(
  { environments }: Pick<Credential, 'environments'>,
  environment: string | null,
): boolean {
  return environment === null || environments.includes(environment)
}

/**
 * Whether the server sends with this one in an environment: of those that serve it the newest that is not paused, else the newest.
 * Browsers are sent to with the key that each of them subscribed with.
 */
export function isSender(
  credential: Credential,
  all: readonly Credential[],
  environment: string | null,
): boolean {
  const newest = all
    .filter(it => it.gateway === credential.gateway && servesEnvironment(it, environment))
    .toSorted((a, b) => Date.parse(b.createdAt) - Date.parse(a.createdAt))
  return (newest.find(it => it.status !== 'paused') ?? newest[0])?.id === credential.id
}

const FINGERPRINT_SHOWN = 12

/** Enough to tell two apart; all of it is copied. */
export function shortFingerprint(fingerprint: string): string {
  return fingerprint.length <= FINGERPRINT_SHOWN ? fingerprint : `${fingerprint.slice(0, FINGERPRINT_SHOWN)}…`
}

export interface Expiry {
  readonly color: 'dimmed' | 'orange' | 'red'
  /** Whole days, the last one counted; 0 or less when it is over. */
  readonly daysLeft: number
}

/** Undefined for what does not expire. */
export function tellExpiry(expiresAt: string | null, nowMs: number): Expiry | undefined {
  if (expiresAt === null) return undefined
  const daysLeft = Math.ceil((Date.parse(expiresAt) - nowMs) / DAY_MS)
  if (daysLeft <= URGENT_DAYS) return { color: 'red', daysLeft }
  return { color: daysLeft <= SOON_DAYS ? 'orange' : 'dimmed', daysLeft }
}

export interface Trouble {
  readonly credential: Credential
  readonly isError: boolean
  /** Undefined where all that is known is that it is paused. */
  readonly problem: CredentialProblem | undefined
}

/** Those that somebody has to look at, the worst first. */
export function troublesOf(credentials: readonly Credential[]): Trouble[] {
  return credentials
    .flatMap(credential => {
      const isError =
        credential.status === 'paused' || credential.problems.some(it => it.severity === 'error')
      const [first] = credential.problems.toSorted((a, b) => rankOf(a.severity) - rankOf(b.severity))
      if (!isError && first === undefined) return []
      return [{ credential, isError, problem: first }]
    })
    .toSorted((a, b) => Number(b.isError) - Number(a.isError))
}

function rankOf(severity: string): number {
  return severity === 'error' ? 0 : 1
}
