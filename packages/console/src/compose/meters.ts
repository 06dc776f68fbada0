/**
 * How much room a message takes at each gateway, out of what the server has rendered: of its languages and the devices that
 * were looked at, the largest.
 */
import type { Preview } from '@roost/protocol'

export interface Meter {
  readonly gateway: string
  readonly hasCredential: boolean
  /** Null where nothing could be rendered. */
  readonly bytes: number | null
  readonly limit: number | null
  /** From 0; above 1 it is too large. */
  readonly fill: number
  /** Of the largest: which takes how much room, the largest first. */
  readonly parts: readonly { readonly field: string; readonly bytes: number }[]
  /** The language of the largest; null: of all others; undefined: it differs by device. */
  readonly language: string | null | undefined
  /** Why it would not be sent as it is. */
  readonly reason: string | null
}

/** Those that the app can send to; all, as long as it can send to none. */
export function metersOf({ gateways, devices }: Pick<Preview, 'gateways' | 'devices'>): Meter[] {
  const names = [...new Set(gateways.map(it => it.gateway))]
  const meters = names.map(name => meterOf(name, { gateways, devices }))
  const usable = meters.filter(it => it.hasCredential)
  return usable.length > 0 ? usable : meters
}

type Sized = Pick<Meter, 'parts' | 'language' | 'reason'> & {
  readonly bytes: number | null
  readonly limit: number | null
}

function meterOf(gateway: string, { gateways, devices }: Pick<Preview, 'gateways' | 'devices'>): Meter {
  const own = gateways.filter(it => it.gateway === gateway)
  const sized: Sized[] = [
    ...own.map(({ size, language, reason }) => sizedOf(size, language, reason)),
    ...devices
      .filter(it => it.gateway === gateway)
      .map(({ size, reason }) => sizedOf(size, undefined, reason)),
  ]
  const largest = sized.toSorted((a, b) => (b.bytes ?? -1) - (a.bytes ?? -1))[0]
  const { bytes = null, limit = null, parts = [] } = largest ?? {}
  return {
    gateway,
    hasCredential: own.some(it => it.hasCredential),
    bytes,
    limit,
    fill: bytes === null || limit === null ? 0 : bytes / limit,
    parts,
    language: largest === undefined ? null : largest.language,
    // of what has a size only the largest counts: why a device gets nothing is no matter of room
    reason:
      bytes === null ? (sized.find(it => it.reason !== null)?.reason ?? null) : (largest?.reason ?? null),
  }
}

function sizedOf(
  size: Preview['devices'][number]['size'],
  language: string | null | undefined,
  reason: string | null,
): Sized {
  return {
    bytes: size?.bytes ?? null,
    limit: size?.limit ?? null,
    parts: size?.parts ?? [],
    language,
    reason,
  }
}

const NEARLY_FULL = 0.85

export function toneOfMeter({ fill, reason, bytes }: Meter): 'good' | 'warning' | 'bad' {
  if (fill > 1 || (reason !== null && bytes === null)) return 'bad'
  return fill > NEARLY_FULL ? 'warning' : 'good'
}
