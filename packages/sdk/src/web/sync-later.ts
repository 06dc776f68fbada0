/**
 * Asks the browser to wake the service worker when the network is back. Not every browser has it, and some refuse it: neither is a fault, since
 * what waits goes out with the next event anyway. Source: WICG, Web Background Synchronization.
 */
export const SYNC_TAG = 'roost-outbox'

interface WithSync {
  readonly sync?: { register(tag: string): Promise<void> }
}

export async function syncLater(registration: ServiceWorkerRegistration | undefined): Promise<void> {
  await (registration as WithSync | undefined)?.sync?.register(SYNC_TAG).catch(() => {})
}
