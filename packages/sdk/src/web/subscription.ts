/**
 * Brings the browser's subscription and the server's idea of it together: looks, decides, acts.
 *
 * Runs in the page (at start, on subscribe and unsubscribe) and in the service worker (when the browser has
 * changed the subscription), one at a time under a lock, and may be repeated at will.
 * Source: W3C Push API §3 and §8.
 */
import { fromBase64url, toBase64, toBase64url } from '../core/base64.ts'
import { decideStep, type SeenSubscription, type Situation, type Step } from '../core/decide.ts'
import { RoostError } from '../core/error.ts'
import type { DeviceState } from '../core/state.ts'
import type { Environment } from './browser.ts'

/** Chromium waits for ever where Google can't be reached, and all pages and the worker wait for whoever asks. */
const SUBSCRIBE_WITHIN_MS = 30_000

/** Throws RoostError, or what the browser throws at a subscription; what is not done then is done by the next call. */
export function syncSubscription(
  environment: Environment,
  registration: ServiceWorkerRegistration,
): Promise<Step> {
  return environment.lock('roost-subscription', async () => {
    const situation = await look(environment, registration)
    const step = decideStep(situation)
    await carryOut(step, environment, registration, situation.vapidKey)
    return step
  })
}

async function look(environment: Environment, registration: ServiceWorkerRegistration): Promise<Situation> {
  const state = await environment.store.read()
  const subscription = seenOf(await registration.pushManager.getSubscription())
  const isPermitted = Notification.permission === 'granted'
  const isOptedOut = state?.isOptedOut ?? false
  const isWanted = isPermitted && !isOptedOut
  const isConfirmed = subscription !== undefined && state?.registered?.address === subscription.address
  return {
    isPermitted,
    isOptedOut,
    // Asked only if it will be used: most visitors of a site have no push, and a withdrawal needs no key.
    vapidKey: isWanted ? await fetchVapidKey(environment) : '',
    subscription,
    registered: state?.registered,
    isKnownToServer: isWanted && isConfirmed ? await askServer(environment) : undefined,
    replacedAt: state?.replacedAt,
    now: environment.now(),
  }
}

async function fetchVapidKey(environment: Environment): Promise<string> {
  const { features } = await environment.client.call('getConfig', { features: ['vapid_key'] })
  const key = (features as { readonly vapid_key?: unknown } | undefined)?.vapid_key
  if (typeof key !== 'string' || key === '')
    throw new RoostError('push_not_configured', 'The application has no web push credential on the server')
  return toBase64url(fromBase64url(key).buffer) // one spelling, so that keys can be compared
}

function seenOf(subscription: PushSubscription | null): SeenSubscription | undefined {
  if (subscription === null) return undefined
  const key = subscription.options.applicationServerKey
  return {
    address: subscription.endpoint,
    vapidKey: key === null ? undefined : toBase64url(key),
    expiresAt: subscription.expirationTime ?? undefined,
  }
}

/**
 * The push service never tells a browser that it refuses to deliver; the server learns it from a 404 or 410.
 * Undefined when the server did not say.
 */
async function askServer(environment: Environment): Promise<boolean | undefined> {
  const answer = await environment.client.call('checkDevice')
  return typeof answer.push_token_exist === 'boolean' ? answer.push_token_exist : undefined
}

async function carryOut(
  step: Step,
  environment: Environment,
  registration: ServiceWorkerRegistration,
  vapidKey: string,
): Promise<void> {
  switch (step.kind) {
    case 'nothing':
      return
    case 'withdraw':
      return withdraw(environment, registration)
    case 'replace':
      await (await registration.pushManager.getSubscription())?.unsubscribe()
      if (step.because === 'dead') await remember(environment, { replacedAt: environment.now() })
      break
    case 'register':
    case 'subscribe':
      break
  }
  await register(environment, await subscribe(registration, vapidKey), vapidKey)
}

/** Gives back the subscription that there is, if it was made with the same key. One that comes too late is found by the next call. */
function subscribe(registration: ServiceWorkerRegistration, vapidKey: string): Promise<PushSubscription> {
  const asked = registration.pushManager.subscribe({
    userVisibleOnly: true,
    applicationServerKey: fromBase64url(vapidKey),
  })
  const late = new Promise<never>((_, reject) => {
    setTimeout(
      () => reject(new DOMException('push service error: no answer', 'AbortError')),
      SUBSCRIBE_WITHIN_MS,
    )
  })
  return Promise.race([asked, late])
}

async function register(
  environment: Environment,
  subscription: PushSubscription,
  vapidKey: string,
): Promise<void> {
  await environment.client.call('registerDevice', {
    push_token: subscription.endpoint,
    public_key: keyOf(subscription, 'p256dh'),
    auth_token: keyOf(subscription, 'auth'),
    application_server_key: vapidKey, // a subscription can only be sent to with the key that it was made with
  })
  await remember(environment, {
    registered: { address: subscription.endpoint, vapidKey, at: environment.now() },
  })
}

function keyOf(subscription: PushSubscription, name: PushEncryptionKeyName): string {
  const key = subscription.getKey(name)
  if (key === null) throw new RoostError('unsupported', `The browser gave no ${name} key`)
  return toBase64(key)
}

/** If the server can't be told now, `registered` stays and the next start tells it; the browser is quiet at once. */
async function withdraw(environment: Environment, registration: ServiceWorkerRegistration): Promise<void> {
  try {
    await environment.client.call('unregisterDevice')
    await remember(environment, { registered: undefined })
  } finally {
    await (await registration.pushManager.getSubscription())?.unsubscribe()
  }
}

async function remember(environment: Environment, change: Partial<DeviceState>): Promise<void> {
  await environment.store.update(state => {
    if (state === undefined) throw new RoostError('not_started', 'Roost was never started on this origin')
    return { ...state, ...change }
  })
}
