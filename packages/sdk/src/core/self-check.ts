/**
 * What keeps pushes from a browser, as a pure function of what is seen there. Each finding has a code to test for, and what to do about it; what
 * only the server can tell (does it hold the address, is the clock right) it adds when the findings are handed in.
 */
import { type Transport, VERSION } from './client.ts'
import type { RoostErrorCode } from './error.ts'
import type { Settings } from './state.ts'

/** `bad`: nothing can be shown, or nothing will come. `warning`: something may go wrong. `unknown`: it could not be looked at. */
export type Verdict = 'good' | 'warning' | 'bad' | 'unknown'

export interface Finding {
  readonly code: string
  readonly verdict: Verdict
  readonly values: Readonly<Record<string, string | number | boolean>>
  /** What to do; null when there is nothing to. */
  readonly remedy: string | null
}

export interface SelfCheck {
  /** Milliseconds since 1970, on this device's clock. */
  readonly at: number
  readonly sdkVersion: string
  /** The worst of the findings; `unknown` is no fault. */
  readonly verdict: Exclude<Verdict, 'unknown'>
  readonly findings: readonly Finding[]
}

export interface SeenWorker {
  readonly script: string
  readonly scope: string
  /** Whether it is the script that the page has named. */
  readonly isWanted: boolean
  /** Undefined when it did not answer: it does not hold our code. */
  readonly version: string | undefined
}

export interface Seen {
  /** Served by https, or from this machine. */
  readonly isSecure: boolean
  /** Inside a page of another site. */
  readonly isFramed: boolean
  /** What web push needs and this browser has not, by the names in its window. */
  readonly missing: readonly string[]
  /** On iOS, and not opened from the home screen. */
  readonly needsInstall: boolean
  /** Name of the error; undefined when what was written could be read. */
  readonly storageError: string | undefined
  /** As far as the browser gives it away: Chromium does not. */
  readonly isPrivate: boolean
  readonly permission: NotificationPermission
  readonly isOptedOut: boolean
  /** The one that takes pushes; undefined when there is none. */
  readonly worker: SeenWorker | undefined
  /** Scopes of other workers of this origin that have a subscription of their own. */
  readonly otherScopes: readonly string[]
  readonly server: SeenServer
  readonly subscription: SeenAddress | undefined
  /** Calls that have waited for so long that they will not be sent by themselves. */
  readonly waiting: number
}

export interface SeenServer {
  /** What the server's answer was: undefined when it was good, or nobody could be asked. */
  readonly fault: RoostErrorCode | 'mixed_content' | undefined
  readonly ms: number | undefined
  /** Base64url; undefined when it is not known. */
  readonly vapidKey: string | undefined
}

export interface SeenAddress {
  readonly address: string
  readonly vapidKey: string | undefined
  readonly isExpired: boolean
}

type Judge = (seen: Seen) => Finding | undefined

/** Reads like a list to tick off: each gives at most one finding. */
const JUDGES: readonly Judge[] = [
  judgePage,
  judgeBrowser,
  judgeStorage,
  judgePermission,
  judgeWorker,
  judgeOtherWorkers,
  judgeServer,
  judgeKey,
  judgeSubscription,
  judgeWaiting,
]

export function judge(seen: Seen): Finding[] {
  return JUDGES.flatMap(it => it(seen) ?? [])
}

export function worstOf(findings: readonly Pick<Finding, 'verdict'>[]): SelfCheck['verdict'] {
  return (['bad', 'warning'] as const).find(it => findings.some(({ verdict }) => verdict === it)) ?? 'good'
}

type Values = Finding['values']

function find(verdict: Verdict, code: SelfCheckCode, values: Values = {}): Finding {
  return { code, verdict, values, remedy: REMEDIES[code] || null }
}

function judgePage({ isSecure, isFramed }: Seen): Finding {
  if (!isSecure) return find('bad', 'page_not_secure')
  return isFramed ? find('bad', 'page_framed') : find('good', 'page_secure')
}

/** Without https browsers hide what they have. */
function judgeBrowser({ missing, needsInstall, isSecure }: Seen): Finding | undefined {
  if (!isSecure) return undefined
  if (missing.length === 0) return find('good', 'browser_supported')
  return needsInstall
    ? find('bad', 'browser_not_installed')
    : find('bad', 'browser_unsupported', { missing: missing.join(' ') })
}

function judgeStorage({ storageError: error, isPrivate }: Seen): Finding {
  if (error !== undefined) return find('bad', 'storage_failed', { error })
  return isPrivate ? find('warning', 'window_private') : find('good', 'storage_writable')
}

/** Inside another site, or without https, it is denied whatever the person has said. */
function judgePermission({ permission, isOptedOut, isSecure, isFramed }: Seen): Finding | undefined {
  if (!isSecure || isFramed) return undefined
  if (permission === 'denied') return find('bad', 'permission_denied')
  if (permission === 'default') return find('bad', 'permission_not_asked')
  return isOptedOut ? find('bad', 'opted_out') : find('good', 'permission_granted')
}

function judgeWorker({ worker, missing }: Seen): Finding | undefined {
  if (missing.includes('serviceWorker')) return undefined // said above
  if (worker === undefined) return find('bad', 'worker_missing')
  const { script, scope, isWanted, version } = worker
  if (version === undefined) return find('bad', 'worker_foreign', { script })
  const known = { script, scope, version }
  if (!isWanted) return find('warning', 'worker_other_script', known)
  if (version !== VERSION) return find('warning', 'worker_other_version', { ...known, page: VERSION })
  return find('good', 'worker_running', known)
}

function judgeOtherWorkers({ otherScopes }: Seen): Finding | undefined {
  return otherScopes.length === 0
    ? undefined
    : find('warning', 'workers_several', { scopes: otherScopes.join(' ') })
}

const OF_FAULT: Readonly<Partial<Record<string, SelfCheckCode>>> = {
  unreachable: 'server_unreachable',
  mixed_content: 'server_not_secure',
  unauthorized: 'server_unauthorized',
  refused: 'server_refused',
  unavailable: 'server_unavailable',
}

function judgeServer({ server: { fault, ms } }: Seen): Finding {
  const code = OF_FAULT[fault ?? '']
  if (code !== undefined) return find('bad', code)
  return ms === undefined ? find('unknown', 'server_not_asked') : find('good', 'server_reached', { ms })
}

function judgeKey({ server: { fault, ms } }: Seen): Finding | undefined {
  if (fault === 'push_not_configured') return find('bad', 'key_missing')
  return fault === undefined && ms !== undefined ? find('good', 'key_present') : undefined
}

function judgeSubscription(seen: Seen): Finding | undefined {
  const { subscription, server, missing, permission, isOptedOut } = seen
  const { vapidKey } = server
  if (missing.length > 0) return undefined
  // without permission or consent there can be none, which is said above
  if (subscription === undefined && (permission !== 'granted' || isOptedOut)) return undefined
  if (subscription === undefined) return find('bad', 'subscription_missing')
  const { host } = new URL(subscription.address)
  if (subscription.isExpired) return find('bad', 'subscription_expired', { host })
  const isOfOtherKey = [vapidKey, subscription.vapidKey].every(it => it !== undefined)
  return isOfOtherKey && vapidKey !== subscription.vapidKey
    ? find('bad', 'subscription_other_key', { host })
    : find('good', 'subscription_present', { host })
}

function judgeWaiting({ waiting: count }: Seen): Finding | undefined {
  return count === 0 ? undefined : find('warning', 'calls_waiting', { count })
}

const START = 'Call start(): it makes another one.'

/** Empty: there is nothing to do. */
const REMEDIES = {
  page_secure: '',
  page_not_secure: 'Serve the site by https.',
  page_framed: 'Open the page in a window of its own: inside another site nothing can be asked.',
  browser_supported: '',
  browser_not_installed: 'On iOS add the site to the home screen and open it from there.',
  browser_unsupported: 'Use a newer browser, in a window that is not private.',
  storage_writable: '',
  window_private: 'Use a window that is not private: what a private one keeps goes with it.',
  storage_failed: 'Allow the site to keep data, and use a window that is not private.',
  permission_granted: '',
  permission_denied: 'Allow notifications beside the address of the site, and load the page again.',
  permission_not_asked: 'Call subscribe() from a click.',
  opted_out: 'Call subscribe() from a click.',
  worker_running: '',
  worker_missing: 'Call start(), and see that the service worker lies at the root of the site.',
  worker_foreign: 'Import roost-service-worker.js into it.',
  worker_other_script: 'Give the script of the worker as serviceWorkerUrl.',
  worker_other_version: 'Put both files of one release on the site, and load the page again.',
  workers_several: 'Unregister the workers of former services: each shows pushes of its own.',
  server_reached: '',
  server_unreachable: 'See whether the server runs under baseUrl, and whether something blocks calls to it.',
  server_not_secure: 'Give baseUrl with https: a page by https may call nothing else.',
  server_unauthorized: 'Give the device token and the code of the same application.',
  server_refused: 'See that application is the code of an app on this server.',
  server_unavailable: 'Look into the log of the server.',
  server_not_asked: '',
  key_present: '',
  key_missing: 'Add a Web Push credential to the app.',
  subscription_present: '',
  subscription_missing: 'Call subscribe() from a click.',
  subscription_expired: START,
  subscription_other_key: START,
  calls_waiting: 'Call start(): it sends what waits.',
  // of the server's part
  server_silent: 'The server has taken no self-check: it may be older than the SDK.',
} as const

export type SelfCheckCode = keyof typeof REMEDIES

/** What the server finds (docs/test-devices.md); its answer brings the remedies along. */
export const SERVER_CODES = [
  'device_registered',
  'device_unknown',
  'device_without_address',
  'device_other_address',
  'device_address_ended',
  'device_opted_out',
  'clock_right',
  'clock_off',
] as const

export const SELF_CHECK_CODES: readonly SelfCheckCode[] = Object.keys(REMEDIES) as SelfCheckCode[]

const TIMEOUT_MS = 15_000

export interface HandIn {
  readonly settings: Settings
  readonly hwid: string
  /** Milliseconds since 1970. */
  readonly clock: number
  readonly address: string | undefined
  readonly findings: readonly Finding[]
}

/** Gives back what the server finds. It says so when it does not take it. */
export async function handInSelfCheck(transport: Transport, handIn: HandIn): Promise<readonly Finding[]> {
  const { settings, hwid, clock, address, findings } = handIn
  const { baseUrl, application, deviceToken } = settings
  try {
    const answer = await transport({
      method: 'PUT',
      url: `${baseUrl}/v1/apps/${application}/devices/${encodeURIComponent(hwid)}/self-check`,
      headers: { 'content-type': 'application/json', authorization: `Token ${deviceToken}` },
      body: JSON.stringify({
        sdkVersion: VERSION,
        clock,
        address,
        findings: findings.map(({ code, verdict, values }) => ({ code, verdict, values: cut(values) })),
      }),
      timeoutMs: TIMEOUT_MS,
    })
    const { findings: told } = JSON.parse(answer.body) as { readonly findings?: readonly Finding[] }
    if (answer.status === 200 && Array.isArray(told)) return told
  } catch {
    // no network, or a proxy's page
  }
  return [find('unknown', 'server_silent')]
}

/** What the server takes of one. */
const VALUE_CHARACTERS = 256

function cut(values: Values): Values {
  return Object.fromEntries(
    Object.entries(values).map(([name, it]) => [
      name,
      typeof it === 'string' ? it.slice(0, VALUE_CHARACTERS) : it,
    ]),
  )
}
