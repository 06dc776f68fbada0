/**
 * What is wrong with a request, for people: field, what is allowed, and what was given. Of what may be a token, a key or
 * a secret only the length is told.
 */
import type { z } from 'zod'

const FAULTS_TOLD = 10
const QUOTED_CHARACTERS = 40
const SECRET_NAME = /token|key|auth|secret/i

/** `value` is what was checked; `name` what callers call it, and the start of each place. */
export function describeFaults(
  error: z.ZodError,
  { name, value }: { name?: string; value: unknown },
): string {
  return error.issues
    .slice(0, FAULTS_TOLD)
    .map(({ path, message }) => {
      const parts = path.map(String)
      const place = [...(name === undefined ? [] : [name]), ...parts].join('.')
      const isSecret = parts.some(part => SECRET_NAME.test(part))
      return `${place.slice(0, 200)}: ${message}; ${describe(valueAt(value, parts), isSecret)}`
    })
    .join('; ')
}

function valueAt(value: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (at, part) => (typeof at === 'object' && at !== null ? (at as Record<string, unknown>)[part] : undefined),
    value,
  )
}

function describe(value: unknown, isSecret: boolean): string {
  if (value === undefined) return 'it is missing'
  if (Array.isArray(value)) return `it is a list of ${value.length}`
  if (typeof value === 'object' && value !== null) return 'it is an object'
  if (typeof value !== 'string') return `it is ${value}`
  if (isSecret) return `it has ${value.length} characters`
  return value.length <= QUOTED_CHARACTERS
    ? `it is "${value}"`
    : `it is "${value.slice(0, QUOTED_CHARACTERS)}…" with ${value.length} characters`
}
