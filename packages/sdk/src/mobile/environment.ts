/**
 * What the parts of the mobile client have in common.
 */
import { type Client, createClient, type DeviceFacts, type Lock } from '../core/client.ts'
import type { Store } from '../core/state.ts'
import { openKeyValueStore } from './key-value-store.ts'
import type { NativePush } from './native-push.ts'
import type { MobileRoostOptions } from './options.ts'
import { createLock, transport } from './runtime.ts'

export interface Environment {
  readonly store: Store
  readonly client: Client
  readonly lock: Lock
  readonly native: NativePush
  readonly apnsEnvironment: 'production' | 'sandbox'
  readonly voip: { readonly token: string | undefined } | undefined
  readonly now: () => number
  readonly facts: () => DeviceFacts
}

/** Numbers of the device protocol. */
const DEVICE_TYPES = { ios: 1, android: 3 } as const

export function createEnvironment(options: MobileRoostOptions): Environment {
  const { push: native, storage, now = Date.now, apnsEnvironment = 'production', voip } = options
  const store = openKeyValueStore(storage)
  const lock = createLock()
  const facts = () => readFacts(options, new Date(now()))
  const client = createClient({ store, transport, lock, now, facts })
  return { store, client, lock, native, apnsEnvironment, voip, now, facts }
}

export function readFacts(
  { push, device }: Pick<MobileRoostOptions, 'push' | 'device'>,
  today: Date,
): DeviceFacts {
  const { locale, timeZone } = Intl.DateTimeFormat().resolvedOptions()
  return {
    deviceType: DEVICE_TYPES[push.platform],
    deviceModel: device.model,
    osVersion: device.osVersion,
    language: (device.language ?? locale).slice(0, 2).toLowerCase(),
    timezoneSeconds: today.getTimezoneOffset() * -60,
    // Hermes names none where the system has none.
    ...(timeZone !== undefined && { timeZone }),
  }
}
