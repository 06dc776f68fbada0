/**
 * The service worker's file and its registration. The worker need not be in charge of the page: its scope is the folder of its file.
 * Source: Service Workers §3.4.3 ("register", "getRegistration").
 */
import { RoostError } from '../core/error.ts'
import type { RoostOptions } from './options.ts'

type Options = Pick<RoostOptions, 'serviceWorkerUrl'>

export function serviceWorkerUrlOf({ serviceWorkerUrl = '/roost-service-worker.js' }: Options): string {
  return serviceWorkerUrl
}

/** Undefined where none was ever installed, or the browser has none, or it may lie nowhere under this URL. */
export async function ownRegistration(options: Options): Promise<ServiceWorkerRegistration | undefined> {
  return navigator.serviceWorker?.getRegistration(serviceWorkerUrlOf(options)).catch(() => undefined)
}

/** Throws RoostError `service_worker_failed`. */
export async function installWorker(options: Options): Promise<ServiceWorkerRegistration> {
  const url = serviceWorkerUrlOf(options)
  try {
    return await activated(await navigator.serviceWorker.register(url))
  } catch (cause) {
    throw new RoostError('service_worker_failed', `The service worker at ${url} could not be installed`, {
      cause,
    })
  }
}

/** Only an active worker can hold a subscription. `serviceWorker.ready` would wait for ever outside its scope. */
function activated(registration: ServiceWorkerRegistration): Promise<ServiceWorkerRegistration> {
  const worker = registration.installing ?? registration.waiting
  if (registration.active !== null || worker === null) return Promise.resolve(registration)
  return new Promise((resolve, reject) => {
    worker.addEventListener('statechange', () => {
      if (worker.state === 'activated') resolve(registration)
      if (worker.state === 'redundant') reject(new Error('It was thrown away while it was being installed'))
    })
  })
}
