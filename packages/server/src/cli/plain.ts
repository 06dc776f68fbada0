/**
 * What comes from outside, as a terminal may show it: hwids, user ids, versions and errors are written by whoever has the public
 * device token. A control sequence would paint over lines or set the title, a line break would forge a line.
 *
 * Of Unicode's marks of direction those that last to the end of a line are told as well (UAX #9, 2.2 to 2.4).
 */

const UNSEEN = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu

/** Every text in it, keys too, with what does not show written out: `\n`, `\u001b`. */
export function plain<T>(value: T): T {
  return plainOf(value) as T
}

function plainOf(value: unknown): unknown {
  if (typeof value === 'string') return value.replaceAll(UNSEEN, written)
  if (Array.isArray(value)) return value.map(plainOf)
  if (value === null || typeof value !== 'object' || value instanceof Date) return value
  return Object.fromEntries(Object.entries(value).map(([name, it]) => [plain(name), plainOf(it)]))
}

/** As JSON has it, which leaves some of them as they are. */
function written(character: string): string {
  const quoted = JSON.stringify(character).slice(1, -1)
  if (quoted !== character) return quoted
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}
