/** The rows that a call is about: its device, and the address that it registers. */
import type { NewAddress } from '../address.ts'
import { addressBucketOf, addressHash, bucketOf } from '../buckets.ts'
import type { DeviceKey } from '../lock-order.ts'
import type { DeviceUpdate } from './update.ts'

export function keyOfDevice({ appId, hwid }: DeviceUpdate): DeviceKey {
  return { bucket: bucketOf(hwid), appId, hwid }
}

export function nameOfDevice({ appId, hwid }: { readonly appId: number; readonly hwid: string }): string {
  return `${appId} ${hwid}`
}

export interface Registration {
  readonly update: DeviceUpdate
  readonly appId: number
  readonly address: NewAddress
  readonly hash: Buffer
  readonly addressBucket: number
}

export function registrationOf(update: DeviceUpdate): Registration[] {
  if (update.address === null) return []
  const hash = addressHash(update.address)
  const { appId, address } = update
  return [{ update, appId, address, hash, addressBucket: addressBucketOf(hash) }]
}

export function keyOf({ update }: Registration): DeviceKey {
  return keyOfDevice(update)
}

export function nameOf({ update, hash }: Registration): string {
  return `${update.appId} ${hash.toString('hex')}`
}

/** When the last of them came, ms. */
export function latest(registrations: readonly Registration[]): number {
  return Math.max(...registrations.map(it => it.update.at))
}
