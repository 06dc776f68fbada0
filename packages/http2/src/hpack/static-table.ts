/**
 * The 61 header fields that both ends know before the first block.
 * Source: RFC 7541 Appendix A.
 */
const FIELDS: readonly (readonly [name: string, value: string])[] = [
  [':authority', ''],
  [':method', 'GET'],
  [':method', 'POST'],
  [':path', '/'],
  [':path', '/index.html'],
  [':scheme', 'http'],
  [':scheme', 'https'],
  [':status', '200'],
  [':status', '204'],
  [':status', '206'],
  [':status', '304'],
  [':status', '400'],
  [':status', '404'],
  [':status', '500'],
  ['accept-charset', ''],
  ['accept-encoding', 'gzip, deflate'],
  ['accept-language', ''],
  ['accept-ranges', ''],
  ['accept', ''],
  ['access-control-allow-origin', ''],
  ['age', ''],
  ['allow', ''],
  ['authorization', ''],
  ['cache-control', ''],
  ['content-disposition', ''],
  ['content-encoding', ''],
  ['content-language', ''],
  ['content-length', ''],
  ['content-location', ''],
  ['content-range', ''],
  ['content-type', ''],
  ['cookie', ''],
  ['date', ''],
  ['etag', ''],
  ['expect', ''],
  ['expires', ''],
  ['from', ''],
  ['host', ''],
  ['if-match', ''],
  ['if-modified-since', ''],
  ['if-none-match', ''],
  ['if-range', ''],
  ['if-unmodified-since', ''],
  ['last-modified', ''],
  ['link', ''],
  ['location', ''],
  ['max-forwards', ''],
  ['proxy-authenticate', ''],
  ['proxy-authorization', ''],
  ['range', ''],
  ['referer', ''],
  ['refresh', ''],
  ['retry-after', ''],
  ['server', ''],
  ['set-cookie', ''],
  ['strict-transport-security', ''],
  ['transfer-encoding', ''],
  ['user-agent', ''],
  ['vary', ''],
  ['via', ''],
  ['www-authenticate', ''],
]

export const STATIC_FIELDS: number = FIELDS.length

/** By index; index 0 names nothing. */
export const STATIC_NAMES: readonly string[] = ['', ...FIELDS.map(([name]) => name)]
export const STATIC_VALUES: readonly string[] = ['', ...FIELDS.map(([, value]) => value)]

/** The lowest index of a name, and the index of each of its values. */
export interface StaticName {
  readonly index: number
  readonly values: ReadonlyMap<string, number>
}

export const STATIC_BY_NAME: ReadonlyMap<string, StaticName> = indexByName()

function indexByName(): Map<string, StaticName> {
  const names = new Map<string, { index: number; values: Map<string, number> }>()
  for (const [position, [name, value]] of FIELDS.entries()) {
    const known = names.get(name) ?? { index: position + 1, values: new Map<string, number>() }
    names.set(name, known)
    known.values.set(value, position + 1)
  }
  return names
}
