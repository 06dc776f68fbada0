/**
 * Names drawn from a passed-in source of randomness, so that a seeded run gives the same tokens twice.
 *
 * Never for keys: those come from node:crypto.
 */

/** A number in [0, 1), as `Math.random` gives it. */
export type Random = () => number

const HEX = '0123456789abcdef'
const BASE64URL = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

export function randomHex(random: Random, length: number): string {
  return randomText(random, HEX, length)
}

export function randomBase64url(random: Random, length: number): string {
  return randomText(random, BASE64URL, length)
}

/** A version 4 UUID in its canonical lower-case form. */
export function randomUuid(random: Random): string {
  const hex = randomHex(random, 32)
  const variant = HEX.charAt(8 + Math.floor(random() * 4))
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20)}`
}

export function shuffled<T>(random: Random, items: readonly T[]): T[] {
  return items
    .map(item => ({ item, order: random() }))
    .sort((a, b) => a.order - b.order)
    .map(({ item }) => item)
}

function randomText(random: Random, alphabet: string, length: number): string {
  let text = ''
  for (let i = 0; i < length; i++) text += alphabet.charAt(Math.floor(random() * alphabet.length))
  return text
}
