/** Tags as clients send them: a value sets, null clears. What can't be stored is told apart, not dropped silently. */
import {
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

export interface ReadTags {
  readonly tags: Readonly<Record<string, unknown>>
  readonly skipped: readonly SkippedTag[]
}

export function readTags(input: Readonly<Record<string, unknown>>): ReadTags {
  const tags: [string, unknown][] = []
  const skipped: SkippedTag[] = []
  for (const [tag, value] of Object.entries(input)) {
    const reason =
      tags.length >= TAGS_PER_CALL ? `more than ${TAGS_PER_CALL} tags in one call` : faultOf(tag, value)
    if (reason === null) tags.push([tag, value])
    else skipped.push({ tag: tag.slice(0, TAG_NAME_CHARACTERS), reason })
  }
  return { tags: Object.fromEntries(tags), skipped }
}

/** What to say of a call whose tags would have made the device's too many. */
export function refusedTags(tags: Readonly<Record<string, unknown>>): SkippedTag[] {
  const reason = `the device would have more than ${TAGS_PER_DEVICE} tags or ${TAGS_BYTES_PER_DEVICE} bytes of them`
  return Object.keys(tags).map(tag => ({ tag, reason }))
}

function faultOf(tag: string, value: unknown): string | null {
  if (tag === '' || tag.length > TAG_NAME_CHARACTERS)
    return `a tag's name has 1 to ${TAG_NAME_CHARACTERS} characters`
  if (value === null) return null
  if (Array.isArray(value)) return value.every(isScalar) ? null : 'a list holds strings, numbers and booleans'
  if (isScalar(value)) return null
  return typeof value === 'object' && 'operation' in value
    ? 'operations (increment, append, remove) are not served by this version'
    : `a value is a string of at most ${TAG_STRING_CHARACTERS} characters, a number, a boolean or a list of these`
}

function isScalar(value: unknown): boolean {
  if (typeof value === 'string') return value.length <= TAG_STRING_CHARACTERS
  return typeof value === 'number' || typeof value === 'boolean'
}
