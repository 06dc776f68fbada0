/**
 * What every gateway's answer has in common: a JSON body that may be something else, and `Retry-After`.
 */
import type { Clock } from './clock.ts'

/** The body as a JSON object; `undefined` for anything else (a front end's HTML, an empty body). */
export function readJsonObject(body: Uint8Array): Record<string, unknown> | undefined {
  try {
    if (body.length === 0) return undefined
    const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength)
    const value: unknown = JSON.parse(bytes.toString('utf8'))
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A peer's words go into logs and reasons: one line of printable text, bounded. */
export function quote(text: string): string {
  return text
    .replace(/[^\x20-\x7e]+/g, ' ')
    .trim()
    .slice(0, 120)
}

/**
 * Milliseconds to wait by `Retry-After`: whole seconds, or an HTTP date against our clock (RFC 9110 §10.2.3).
 * `undefined` when absent or unreadable; never negative.
 */
export function retryAfterMs(headers: Readonly<Record<string, string>>, clock: Clock): number | undefined {
  const value = headers['retry-after']?.trim()
  if (!value) return undefined
  if (/^\d{1,9}$/.test(value)) return Number(value) * 1000
  // Any other text with a number in it is a date to `Date.parse`: "-5" would mean a day of 2001, so no wait at all.
  const isDate = /^(mon|tue|wed|thu|fri|sat|sun)/i.test(value)
  // The oldest of the three forms has no zone and means GMT as well.
  const at = isDate ? Date.parse(/gmt$/i.test(value) ? value : `${value} GMT`) : Number.NaN
  return Number.isNaN(at) ? undefined : Math.max(0, at - clock.now())
}
