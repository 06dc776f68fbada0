/**
 * Tags as clients send them: a value sets, null clears, `{"operation","value"}` changes what is there. What can't be
 * stored is told apart, not dropped silently.
 */
import {
  DEFAULT_TAGS,
  TAG_NAME_CHARACTERS,
  TAG_STRING_CHARACTERS,
  TAGS_BYTES_PER_DEVICE,
  TAGS_PER_CALL,
  TAGS_PER_DEVICE,
} from '@roost/protocol'

export interface SkippedTag {
  readonly tag: string
  readonly reason: string
}

export type Scalar = string | number | boolean

export type TagOperation = { readonly tag: string } & (
  | { readonly operation: 'increment'; readonly value: number }
  | { readonly operation: 'append' | 'remove'; readonly value: readonly Scalar[] }
)

export interface ReadTags {
  readonly tags: Readonly<Record<string, unknown>>
  readonly operations: readonly TagOperation[]
  readonly skipped: readonly SkippedTag[]
}

/** What one tag of a call asks for. */
type Asked =
  | { readonly kind: 'value'; readonly value: unknown }
  | { readonly kind: 'operation'; readonly operation: TagOperation }
  | { readonly kind: 'fault'; readonly reason: string }

const SERVERS_OWN: ReadonlySet<string> = new Set(DEFAULT_TAGS)

export function readTags(input: Readonly<Record<string, unknown>>): ReadTags {
  const tags: [string, unknown][] = []
  const operations: TagOperation[] = []
  const skipped: SkippedTag[] = []
  const skip = (tag: string, reason: string) =>
    skipped.push({ tag: tag.slice(0, TAG_NAME_CHARACTERS), reason })
  for (const [tag, value] of Object.entries(input)) {
    const isFull = tags.length + operations.length >= TAGS_PER_CALL
    const asked = isFull ? fault(`more than ${TAGS_PER_CALL} tags in one call`) : readTag(tag, value)
    if (asked.kind === 'value') tags.push([tag, asked.value])
    else if (asked.kind === 'operation') operations.push(asked.operation)
    else skip(tag, asked.reason)
  }
  return { tags: Object.fromEntries(tags), operations, skipped }
}

/** What to say of tags that would have made the device's too many. */
export function refusedTags(tags: readonly string[]): SkippedTag[] {
  const reason = `the device would have more than ${TAGS_PER_DEVICE} tags or ${TAGS_BYTES_PER_DEVICE} bytes of them`
  return tags.map(tag => ({ tag, reason }))
}

function fault(reason: string): Asked {
  return { kind: 'fault', reason }
}

function readTag(tag: string, value: unknown): Asked {
  if (tag === '' || tag.length > TAG_NAME_CHARACTERS)
    return fault(`a tag's name has 1 to ${TAG_NAME_CHARACTERS} characters`)
  if (SERVERS_OWN.has(tag)) return fault('the server keeps this tag itself, from what the device reports')
  const legacy = typeof value === 'string' ? LEGACY_INCREMENT.exec(value)?.[1] : undefined
  if (legacy !== undefined) return readOperation(tag, 'increment', Number(legacy))
  if (value === null || isScalar(value)) return { kind: 'value', value }
  if (Array.isArray(value))
    return value.every(isScalar)
      ? { kind: 'value', value }
      : fault('a list holds strings, numbers and booleans')
  if (typeof value === 'object' && 'operation' in value)
    return readOperation(tag, value.operation, 'value' in value ? value.value : undefined)
  return fault(
    `a value is a string of at most ${TAG_STRING_CHARACTERS} characters, a number, a boolean or a list of these`,
  )
}

/** How old clients write an increment. */
const LEGACY_INCREMENT = /^#pwinc#(-?\d+(?:\.\d+)?)$/

function readOperation(tag: string, operation: unknown, value: unknown): Asked {
  switch (operation) {
    case 'set':
      if (value === undefined) return fault('"set" takes a value; null clears')
      return typeof value === 'object' && value !== null && 'operation' in value
        ? fault('"set" takes a value, not another operation')
        : readTag(tag, value)
    case 'increment': {
      const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value
      if (typeof number !== 'number' || !Number.isFinite(number)) return fault('"increment" takes a number')
      return { kind: 'operation', operation: { tag, operation, value: number } }
    }
    case 'append':
    case 'remove': {
      const list = Array.isArray(value) ? value : [value]
      if (!list.every(isScalar)) return fault(`"${operation}" takes a value or a list of values`)
      return { kind: 'operation', operation: { tag, operation, value: list } }
    }
    default:
      return fault('an operation is "set", "increment", "append" or "remove"')
  }
}

/** JSON writes 1e400, which JavaScript reads as Infinity and would write back as null. */
function isScalar(value: unknown): value is Scalar {
  if (typeof value === 'string') return value.length <= TAG_STRING_CHARACTERS
  return Number.isFinite(value) || typeof value === 'boolean'
}
