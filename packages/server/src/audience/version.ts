/**
 * Versions in conditions: numbers with dots between them, compared number by number, where zeros at the end say nothing.
 * Devices report what their app calls its version, so whatever is no version must fail no query.
 */

/** So many digits fit a bigint; so many parts no version has. */
const PARTS = '[0-9]{1,18}(?:\\.[0-9]{1,18}){0,9}'
const VERSION = new RegExp(`^${PARTS}$`)

/** The numbers of a version without zeros at its end; undefined for anything else. */
export function readVersionParts(text: string): string[] | undefined {
  if (!VERSION.test(text)) return undefined
  const parts = text.split('.').map(part => BigInt(part).toString())
  while (parts.length > 1 && parts.at(-1) === '0') parts.pop()
  return parts
}

/** One text for all ways to write the same version; what is none stays as it is. */
export function canonicalVersion(text: string): string {
  return readVersionParts(text)?.join('.') ?? text
}

/** `bigint[]`, which PostgreSQL orders part by part; null where the text does not begin with a version. */
export function versionSql(text: string): string {
  return partsSql(text, `^${PARTS}`)
}

/** `canonicalVersion` in SQL. */
export function canonicalVersionSql(text: string): string {
  return `coalesce(array_to_string(${partsSql(text, `^${PARTS}$`)}, '.'), ${text})`
}

function partsSql(text: string, pattern: string): string {
  return `string_to_array(regexp_replace(substring(${text} from '${pattern}'), '(\\.0+)+$', ''), '.')::bigint[]`
}
