/**
 * What only one gateway knows of a message, over what the common part gives.
 */
import { isObject } from './answer.ts'

/**
 * An object goes into an object, anything else takes the place; `null` takes away what the common part gives, and
 * `undefined` says nothing.
 */
export function mergeOver(
  common: Readonly<Record<string, unknown>>,
  own: Readonly<Record<string, unknown>> | undefined,
): Record<string, unknown> {
  const merged = new Map(Object.entries(common))
  for (const [name, value] of Object.entries(own ?? {})) {
    if (value === undefined) continue
    const before = merged.get(name)
    if (value === null && merged.has(name)) merged.delete(name)
    else merged.set(name, isObject(value) ? mergeOver(isObject(before) ? before : {}, value) : value)
  }
  return Object.fromEntries(merged)
}
