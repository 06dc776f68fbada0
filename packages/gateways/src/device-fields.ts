/**
 * The fields that are put into a payload for each device alone, when all else of it is made: the key of its receipts (`rk`), and whom
 * the push is for (`ru`). A sender's own of these names would be taken for them: each device would drop the push as somebody else's.
 */
const DEVICE_FIELDS = ['rk', 'ru'] as const

type Fields = Readonly<Record<string, unknown>>

/** A message's own root keys: ours go before them, so they give way even where this payload has none of ours. The same object where nothing is left out. */
export function sendersRoots(root: Fields | undefined): Fields | undefined {
  if (root === undefined || !DEVICE_FIELDS.some(name => name in root)) return root
  const { rk: _key, ru: _user, ...others } = root
  return others
}

/** `fields`: what an app gets, in the gateway's own words, which go before ours. `path` is its place. */
export function describeDeviceField(path: string, fields: unknown): string | undefined {
  if (typeof fields !== 'object' || fields === null) return undefined
  const name = DEVICE_FIELDS.find(it => it in fields)
  return name && `reserved_field: ${path} has "${name}", which Roost sets for each device`
}
