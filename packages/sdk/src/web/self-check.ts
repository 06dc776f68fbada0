/**
 * Looks at what stands between a push and this browser, changes nothing of it, and hands the findings in.
 *
 * Each look may fail by itself: a browser that has no push at all is what somebody wants to be told of.
 * Sources: Secure Contexts §3.1; Notifications API, "requestPermission" (not in a page of another origin); WebKit, "Web Push for Web Apps on iOS" (an
 * installed site alone); Service Workers §3.4.
 */
import { fromBase64url, toBase64url } from '../core/base64.ts'
import { VERSION } from '../core/client.ts'
import type { RoostError } from '../core/error.ts'
import {
  handInSelfCheck,
  judge,
  type Seen,
  type SeenAddress,
  type SeenServer,
  type SeenWorker,
  type SelfCheck,
  worstOf,
} from '../core/self-check.ts'
import type { DeviceState } from '../core/state.ts'
import { type Environment, transport } from './browser.ts'
import { VERSION_QUESTION } from './version-question.ts'

/** A worker that is asleep has to start first. */
const WORKER_ANSWERS_WITHIN_MS = 5000

export interface SelfCheckOptions extends Environment {
  /** The state of this device, made if there is none; rejects when it can't be kept. */
  readonly device: () => Promise<DeviceState>
  readonly serviceWorkerUrl: string
}

/** Never rejects. */
export async function selfCheck(options: SelfCheckOptions): Promise<SelfCheck> {
  const at = options.now()
  const { state, error } = await readState(options)
  const registrations = await listRegistrations()
  const own = registrations.find(it => it.active?.scriptURL === scriptOf(options)) ?? (await ofThisPage())
  const seen: Seen = {
    isSecure: isSecureContext,
    isFramed: isInForeignPage(),
    missing: ['serviceWorker', 'PushManager', 'Notification'].filter(
      it => !(it in globalThis) && !(it in navigator),
    ),
    needsInstall: needsInstall(),
    storageError: error,
    isPrivate: await isPrivate(),
    permission: 'Notification' in globalThis ? Notification.permission : 'denied',
    isOptedOut: state?.isOptedOut ?? false,
    worker: await seenWorker(own, options),
    otherScopes: await scopesWithSubscription(registrations.filter(it => it.scope !== own?.scope)),
    server: state === undefined ? NOT_ASKED : await askServer(options, state),
    subscription: await seenSubscription(own, at),
    waiting: state === undefined ? 0 : await countWaiting(options.store, at),
  }
  const findings = judge(seen)
  if (state === undefined || seen.server.ms === undefined)
    return { at, sdkVersion: VERSION, verdict: worstOf(findings), findings }
  const { settings, hwid } = state
  const address = seen.subscription?.address
  const told = await handInSelfCheck(transport, { settings, hwid, address, findings, clock: options.now() })
  const all = [...findings, ...told]
  return { at, sdkVersion: VERSION, verdict: worstOf(all), findings: all }
}

async function readState({ device }: SelfCheckOptions): Promise<{ state?: DeviceState; error?: string }> {
  try {
    return { state: await device() }
  } catch (error) {
    return { error: nameOf(error) }
  }
}

/** Of the browser's own error, which ours carries. */
function nameOf(error: unknown): string {
  const { cause = error } = error as { readonly cause?: unknown }
  const { name } = (cause ?? {}) as { readonly name?: unknown }
  return typeof name === 'string' ? name : 'unknown'
}

/** Firefox refuses a private window the origin's own files; Chromium makes no difference that a page could see. Both tried, with versions 153 and 156. */
async function isPrivate(): Promise<boolean> {
  try {
    await navigator.storage?.getDirectory?.()
    return false
  } catch (error) {
    return nameOf(error) === 'SecurityError'
  }
}

function isInForeignPage(): boolean {
  try {
    return top !== self && top?.location.origin !== location.origin
  } catch {
    return true
  }
}

function needsInstall(): boolean {
  return /iPhone|iPad|iPod/.test(navigator.userAgent) && !matchMedia('(display-mode: standalone)').matches
}

async function listRegistrations(): Promise<readonly ServiceWorkerRegistration[]> {
  return (await navigator.serviceWorker?.getRegistrations().catch(() => [])) ?? []
}

/** A worker that the page did not name may hold our code all the same. */
async function ofThisPage(): Promise<ServiceWorkerRegistration | undefined> {
  return navigator.serviceWorker?.getRegistration().catch(() => undefined)
}

function scriptOf({ serviceWorkerUrl }: SelfCheckOptions): string {
  return new URL(serviceWorkerUrl, location.href).href
}

async function seenWorker(
  registration: ServiceWorkerRegistration | undefined,
  options: SelfCheckOptions,
): Promise<SeenWorker | undefined> {
  const worker = registration?.active
  if (!registration || !worker) return undefined
  return {
    script: new URL(worker.scriptURL).pathname,
    scope: new URL(registration.scope).pathname,
    isWanted: worker.scriptURL === scriptOf(options),
    version: await versionOf(worker),
  }
}

/** Undefined when it does not answer: another's worker passes over what it does not know. */
function versionOf(worker: ServiceWorker): Promise<string | undefined> {
  const { port1, port2 } = new MessageChannel()
  return new Promise(resolve => {
    const timer = setTimeout(() => resolve(undefined), WORKER_ANSWERS_WITHIN_MS)
    port1.onmessage = ({ data }) => {
      clearTimeout(timer)
      resolve(String(data).slice(0, 64))
    }
    worker.postMessage(VERSION_QUESTION, [port2])
  })
}

async function scopesWithSubscription(others: readonly ServiceWorkerRegistration[]): Promise<string[]> {
  const scopes: string[] = []
  for (const { pushManager, scope } of others)
    if (await pushManager?.getSubscription().catch(() => null)) scopes.push(new URL(scope).pathname)
  return scopes
}

/** A call that is on its way takes seconds. */
const WAITING_FROM_MS = 60_000

async function countWaiting(store: Environment['store'], at: number): Promise<number> {
  return (await store.kept()).filter(kept => Math.abs(at - kept.at) >= WAITING_FROM_MS).length
}

const NOT_ASKED: SeenServer = { fault: undefined, ms: undefined, vapidKey: undefined }

async function askServer({ client }: Environment, { settings }: DeviceState): Promise<SeenServer> {
  const isMixed = location.protocol === 'https:' && settings.baseUrl.startsWith('http:')
  const begunAt = performance.now()
  try {
    const { features } = await client.call('getConfig', { features: ['vapid_key'] })
    const ms = Math.round(performance.now() - begunAt)
    const key = (features as { readonly vapid_key?: unknown } | undefined)?.vapid_key
    return typeof key === 'string' && key !== ''
      ? { fault: undefined, ms, vapidKey: toBase64url(fromBase64url(key).buffer) }
      : { fault: 'push_not_configured', ms, vapidKey: undefined }
  } catch (error) {
    const { code = 'refused' } = error as Partial<RoostError> // of the page's file, so no class of this one
    const fault = isMixed && code === 'unreachable' ? 'mixed_content' : code
    return { fault, ms: undefined, vapidKey: undefined }
  }
}

async function seenSubscription(
  registration: ServiceWorkerRegistration | undefined,
  at: number,
): Promise<SeenAddress | undefined> {
  const subscription = await registration?.pushManager?.getSubscription().catch(() => null)
  if (!subscription) return undefined
  const { endpoint: address, expirationTime, options } = subscription
  const key = options.applicationServerKey
  return {
    address,
    vapidKey: key === null ? undefined : toBase64url(key),
    isExpired: expirationTime !== null && expirationTime <= at,
  }
}
