/**
 * Gateways refuse a payload over their limit without saying what filled it; the sender wants to know.
 */

/** "payload_too_large: 5120 bytes, 4096 allowed; biggest: body 3000, u 900, title 200" */
export function describeOversize(
  parts: Readonly<Record<string, unknown>>,
  bytes: number,
  limit: number,
): string {
  const biggest = Object.entries(parts)
    .map(([name, value]) => ({ name, bytes: bytesOf(value) }))
    .sort((one, other) => other.bytes - one.bytes)
    .slice(0, 3)
    .map(part => `${part.name} ${part.bytes}`)
  return `payload_too_large: ${bytes} bytes, ${limit} allowed; biggest: ${biggest.join(', ')}`
}

function bytesOf(value: unknown): number {
  if (value === undefined) return 0
  return Buffer.byteLength(typeof value === 'string' ? value : JSON.stringify(value))
}

/** `undefined` entries are left out, so that a payload carries only what the message has. */
export function compact<T>(entries: Readonly<Record<string, T | undefined>>): Record<string, T> {
  const present: Record<string, T> = {}
  for (const name of Object.keys(entries)) {
    const value = entries[name]
    if (value === undefined) continue
    // Names may be a sender's own, and an assignment takes this one for something else.
    if (name === '__proto__')
      Object.defineProperty(present, name, { value, enumerable: true, configurable: true, writable: true })
    else present[name] = value
  }
  return present
}
