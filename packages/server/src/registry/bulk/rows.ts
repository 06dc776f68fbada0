/** Rows of an import on their way into the database, and in which order they may go. */
import { addressHash, bucketOf } from '../buckets.ts'
import type { KnownDevice } from './known.ts'

/** Where rows are stored, and when. */
export interface Into {
  readonly appId: number
  /** ms. */
  readonly now: number
}

export interface Row {
  readonly index: number
  /** The second address of a device: it comes in a wave of its own, and is no row of the file. */
  readonly isExtra: boolean
  readonly device: KnownDevice
  readonly bucket: number
  readonly hash: Buffer | null
  /** As JSON. */
  readonly tags: string
}

/** One statement can't touch a device or an address twice, so repeats wait for the next wave. */
export function wavesOf(devices: readonly KnownDevice[]): Row[][] {
  const waves: Row[][] = []
  const seen = new Map<string, number>()
  const add = (device: KnownDevice, index: number, isExtra: boolean) => {
    const hash = device.address === null ? null : addressHash(device.address)
    const ofDevice = `d${device.hwid}`
    const ofAddress = hash === null ? null : `a${hash.toString('latin1')}`
    const wave = Math.max(seen.get(ofDevice) ?? 0, ofAddress === null ? 0 : (seen.get(ofAddress) ?? 0))
    seen.set(ofDevice, wave + 1)
    if (ofAddress !== null) seen.set(ofAddress, wave + 1)
    waves[wave] ??= []
    const bucket = bucketOf(device.hwid)
    waves[wave].push({ index, isExtra, device, bucket, hash, tags: JSON.stringify(device.tags) })
  }
  devices.forEach((device, index) => {
    add(device, index, false)
    if (device.calls !== null) add({ ...device, address: device.calls, credentialId: null }, index, true)
  })
  return waves
}
