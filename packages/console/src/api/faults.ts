/**
 * Which fields of a form a refusal of the server is about.
 *
 * `input_invalid` names places in its detail, separated by semicolons: "body/name: it is missing; body/to/users/0: …".
 * Source: http/faults.ts of the server, whose words these are. Some codes are about one field alone.
 */
import { ApiProblem } from './client.ts'

const FAULT = /^(?:body|querystring|params)(?:\/(\S+?))?: (.+)$/

export type Faults = Readonly<Record<string, string>>

/** By path within the body, as Mantine's forms name fields ("to.users.0"); empty when it names none. */
export function faultsOf(error: unknown, fieldOfCode: Readonly<Record<string, string>> = {}): Faults {
  if (!(error instanceof ApiProblem)) return {}
  const { code, detail } = error.body
  const field = fieldOfCode[code]
  if (field !== undefined) return { [field]: detail }
  if (code !== 'input_invalid') return {}
  const faults: Record<string, string> = {}
  let last: string | undefined
  for (const part of detail.split('; ')) {
    const [, place, words] = FAULT.exec(part) ?? []
    if (words === undefined) {
      // what was given comes after a semicolon of its own
      if (last !== undefined) faults[last] += `; ${part}`
      continue
    }
    last = place?.replaceAll('/', '.')
    if (last !== undefined) faults[last] ??= words
  }
  return faults
}
