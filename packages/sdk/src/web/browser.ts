/**
 * What the page and the service worker both take from the browser: facts about it, `fetch`, locks, the clock.
 */
import { type Client, createClient, type DeviceFacts, type Lock, type Transport } from '../core/client.ts'
import type { Store } from '../core/state.ts'
import { openStore } from './store.ts'

const SAFARI = 10
const CHROMIUM = 11
const FIREFOX = 12

export interface Environment {
  readonly store: Store
  readonly client: Client
  readonly lock: Lock
  readonly now: () => number
  readonly facts: () => DeviceFacts
}

export function browserEnvironment(): Environment {
  const store = openStore()
  const now = (): number => Date.now()
  const facts = (): DeviceFacts => ({ ...readFacts(navigator, new Date()), permission: permission() })
  return { store, lock, now, facts, client: createClient({ store, transport, lock, now, facts }) }
}

export function isWebKit(): boolean {
  return deviceTypeOf(navigator.userAgent) === SAFARI
}

const PERMISSIONS = { granted: 'granted', denied: 'denied', default: 'not_determined' } as const

function permission(): DeviceFacts['permission'] {
  return 'Notification' in globalThis ? PERMISSIONS[Notification.permission] : undefined
}

export const transport: Transport = async request => {
  const answer = await fetch(request.url, {
    method: request.method ?? 'POST',
    headers: request.headers,
    ...(request.body !== undefined && { body: request.body }),
    credentials: 'omit',
    signal: AbortSignal.timeout(request.timeoutMs),
  })
  const retryAfter = answer.headers.get('retry-after')
  return { status: answer.status, body: await answer.text(), retryAfter }
}

/** Web Locks reach across tabs and workers. Browsers without them (Safari before 15.4) have no web push either. */
const lock: Lock = (name, work) => navigator.locks.request(name, work)

export function readFacts(
  browser: { readonly userAgent: string; readonly language: string },
  today: Date,
): DeviceFacts {
  return {
    deviceType: deviceTypeOf(browser.userAgent),
    deviceModel: deviceModelOf(browser.userAgent),
    osVersion: osVersionOf(browser.userAgent),
    language: browser.language.slice(0, 2).toLowerCase(),
    timezoneSeconds: today.getTimezoneOffset() * -60,
    timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone,
  }
}

function deviceTypeOf(userAgent: string): number {
  if (/iPhone|iPad|iPod/.test(userAgent)) return SAFARI // every browser there is WebKit and pushes through Apple
  if (/Firefox\//.test(userAgent)) return FIREFOX
  return /Chrom(e|ium)\//.test(userAgent) || !/Safari\//.test(userAgent) ? CHROMIUM : SAFARI
}

/** Name and major version. The order matters: the first names also contain the later ones. */
function deviceModelOf(userAgent: string): string {
  const [, name, major] = /(Firefox|Edg|OPR|Chrome|Version)\/(\d+)/.exec(preferBrands(userAgent)) ?? []
  if (name === undefined) return 'Browser'
  const shown = { Edg: 'Edge', OPR: 'Opera', Version: 'Safari' }[name] ?? name
  return `${shown} ${major}`
}

/** Edge and Opera write `Chrome/…` first and their own name last. */
function preferBrands(userAgent: string): string {
  return /(Edg|OPR)\/\d+/.exec(userAgent)?.[0] ?? userAgent
}

function osVersionOf(userAgent: string): string {
  const known =
    /Windows NT [\d.]+|Android [\d.]+|Mac OS X [\d._]+|(?:iPhone )?OS [\d_]+|Linux(?!; Android)|CrOS/
  return (known.exec(userAgent)?.[0] ?? 'unknown').replaceAll('_', '.')
}
