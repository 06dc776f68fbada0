/**
 * What an uploaded credential was read into, or what is wrong with it in words that lead to the right file. Key
 * material never appears in a message.
 */

export interface CredentialProblem {
  readonly code: string
  readonly message: string
  readonly remedy: string
}

export type Parsed<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly problem: CredentialProblem }

export function fault(
  code: string,
  message: string,
  remedy: string,
): { ok: false; problem: CredentialProblem } {
  return { ok: false, problem: { code, message, remedy } }
}

/** For credentials that were checked when they were uploaded: a bad one here is a mistake of the program. */
export function mustParse<Value>(parsed: Parsed<Value>): Value {
  if (parsed.ok) return parsed.value
  const { code, message, remedy } = parsed.problem
  throw new TypeError(`${code}: ${message} ${remedy}`)
}
