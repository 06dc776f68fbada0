/**
 * Names drawn from a passed-in source of randomness, so that a seeded run gives the same tokens twice.
 *
 * Never for keys: those come from node:crypto.
 */

/** A number in [0, 1), as `Math.random` gives it. */
export type Random = () => number

/** The step of a Weyl sequence: odd, and 2^32 over the golden ratio. */
const STEP = 0x9e3779b9
const TWO_TO_32 = 4_294_967_296

/** The state of a seeded source after one more number was drawn; any whole number is a seed. */
export function nextState(state: number): number {
  return (state + STEP) | 0
}

/** The number in [0, 1) that belongs to a state; its bits are mixed as MurmurHash3 does at its end. */
export function numberAt(state: number): number {
  let mixed = Math.imul(state ^ (state >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return ((mixed ^ (mixed >>> 16)) >>> 0) / TWO_TO_32
}

/** The same numbers for a seed on every machine. */
export function seededRandom(seed: number): Random {
  let state = seed | 0
  return () => {
    state = nextState(state)
    return numberAt(state)
  }
}

/** A seed for a source of its own, so that what others draw in the meantime changes nothing. */
export function drawSeed(random: Random): number {
  return Math.floor(random() * TWO_TO_32) | 0
}

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
  return flat(
    `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20)}`,
  )
}

/** The same text in one piece: one that was put together holds on to its parts. */
export function flat(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1')
}

export function shuffled<T>(random: Random, items: readonly T[]): T[] {
  return items
    .map(item => ({ item, order: random() }))
    .sort((a, b) => a.order - b.order)
    .map(({ item }) => item)
}

/** Through bytes: put together by characters, a token of 64 holds two kilobytes until somebody reads it. */
function randomText(random: Random, alphabet: string, length: number): string {
  const codes = Buffer.allocUnsafe(length)
  for (let i = 0; i < length; i++) codes[i] = alphabet.charCodeAt(Math.floor(random() * alphabet.length))
  return codes.toString('latin1')
}
