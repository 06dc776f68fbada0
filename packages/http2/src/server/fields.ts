/**
 * What header fields a request may have. A request that breaks these rules is malformed: its stream ends with
 * PROTOCOL_ERROR, its connection lives on. Real gateways accept any `:scheme` (senders exist that write `https:`) and a
 * `host` in the place of `:authority`, and so do we.
 * Source: RFC 9113 §8.2, §8.3.
 */

/** Pseudo-fields are bits, so that a second one of a kind is seen. */
export const FIELD = {
  METHOD: 1,
  SCHEME: 2,
  PATH: 4,
  AUTHORITY: 8,
  REGULAR: 16,
  CONTENT_LENGTH: 32,
  TE: 64,
  FORBIDDEN: 128,
} as const

export const REQUIRED_FIELDS = FIELD.METHOD | FIELD.SCHEME | FIELD.PATH

const KINDS = new Map<string, number>([
  [':method', FIELD.METHOD],
  [':scheme', FIELD.SCHEME],
  [':path', FIELD.PATH],
  [':authority', FIELD.AUTHORITY],
  ['content-length', FIELD.CONTENT_LENGTH],
  ['te', FIELD.TE],
  ['connection', FIELD.FORBIDDEN],
  ['keep-alive', FIELD.FORBIDDEN],
  ['proxy-connection', FIELD.FORBIDDEN],
  ['transfer-encoding', FIELD.FORBIDDEN],
  ['upgrade', FIELD.FORBIDDEN],
])

/** Names seen before need no second look; a peer that invents names must not make this grow without end. */
const MAX_KNOWN_NAMES = 1024
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/
const FORBIDDEN_IN_VALUE = /[\0\r\n]/

export function fieldKind(name: string): number {
  const kind = KINDS.get(name)
  if (kind !== undefined) return kind
  const judged = TOKEN.test(name) ? FIELD.REGULAR : FIELD.FORBIDDEN
  if (KINDS.size < MAX_KNOWN_NAMES) KINDS.set(name, judged)
  return judged
}

export function isFieldValue(value: string): boolean {
  return !FORBIDDEN_IN_VALUE.test(value)
}
