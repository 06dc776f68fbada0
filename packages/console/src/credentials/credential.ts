/** A credential in words: what it is, how long it lives, and what there is to say of it at once. */
import type { Credential } from '../api/shapes.ts'

const DAY_MS = 24 * 60 * 60_000
/** From here on the server warns, too. */
const SOON_DAYS = 30
const URGENT_DAYS = 7

const KIND_NAMES: Readonly<Record<string, string>> = {
  p8: 'key (.p8)',
  p12: 'certificate (.p12)',
  pem: 'certificate (PEM)',
  'service-account': 'service account',
  vapid: 'VAPID key pair',
  client: 'client id and secret',
}

export function nameOfKind(kind: string): string {
  return KIND_NAMES[kind] ?? kind
}

/** What tells it from another one, longest-known name first: "com.example.app · key ABCDE12345 · team TEAM123456". */
export function tellSettings({ settings }: Pick<Credential, 'settings'>): string {
  const text = (name: string, words = ''): string =>
    typeof settings[name] === 'string' ? `${words}${settings[name]}` : ''
  return [
    text('bundleId'),
    text('keyId', 'key '),
    text('teamId', 'team '),
    text('commonName'),
    text('projectId'),
    text('clientEmail'),
    text('subject'),
    text('publicKey', 'public key '),
    text('appId', 'app '),
    text('clientId', 'client '),
  ]
    .filter(Boolean)
    .join(' · ')
}

export interface Expiry {
  readonly words: string
  readonly color: 'dimmed' | 'orange' | 'red'
  /** Whole days, the last one counted; 0 or less when it is over. */
  readonly daysLeft: number
}

/** Undefined for what does not expire. */
export function tellExpiry(expiresAt: string | null, nowMs: number): Expiry | undefined {
  if (expiresAt === null) return undefined
  const daysLeft = Math.ceil((Date.parse(expiresAt) - nowMs) / DAY_MS)
  if (daysLeft <= 0) return { words: 'expired', color: 'red', daysLeft }
  const words = `expires in ${daysLeft} ${daysLeft === 1 ? 'day' : 'days'}`
  if (daysLeft <= URGENT_DAYS) return { words, color: 'red', daysLeft }
  return { words, color: daysLeft <= SOON_DAYS ? 'orange' : 'dimmed', daysLeft }
}

export interface Trouble {
  readonly credential: Credential
  readonly isError: boolean
  readonly words: string
}

/** Those that somebody has to look at, the worst first. */
export function troublesOf(credentials: readonly Credential[]): Trouble[] {
  return credentials
    .flatMap(credential => {
      const isError =
        credential.status === 'paused' || credential.problems.some(it => it.severity === 'error')
      const [first] = credential.problems.toSorted((a, b) => rankOf(a.severity) - rankOf(b.severity))
      if (!isError && first === undefined) return []
      return [{ credential, isError, words: first?.message ?? 'It is paused; messages wait.' }]
    })
    .toSorted((a, b) => Number(b.isError) - Number(a.isError))
}

function rankOf(severity: string): number {
  return severity === 'error' ? 0 : 1
}
