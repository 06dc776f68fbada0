/** Tags as clients send them: a value sets, null clears. What can't be stored is told apart, not dropped silently. */
import { TAG_NAME_CHARACTERS, TAG_STRING_CHARACTERS, TAGS_PER_CALL } from '@roost/protocol'

export interface ReadTags {
  readonly tags: Readonly<Record<string, unknown>>
  readonly skipped: readonly { readonly tag: string; readonly reason: string }[]
}

export function readTags(input: Readonly<Record<string, unknown>>): ReadTags {
  const tags: [string, unknown][] = []
  const skipped: { tag: string; reason: string }[] = []
  for (const [tag, value] of Object.entries(input)) {
    const reason =
      tags.length >= TAGS_PER_CALL ? `more than ${TAGS_PER_CALL} tags in one call` : faultOf(tag, value)
    if (reason === null) tags.push([tag, value])
    else skipped.push({ tag: tag.slice(0, TAG_NAME_CHARACTERS), reason })
  }
  return { tags: Object.fromEntries(tags), skipped }
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
