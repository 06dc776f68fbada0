/**
 * Reading a JSON body so that nothing gets in that PostgreSQL can't store or that would surprise code behind:
 * NUL characters, lone surrogates (both legal in JSON, neither in its text type) and `__proto__` keys.
 */
import { PushError } from '@roost/protocol'

const SUSPICIOUS = /\\u0000|\\ud[89a-f]|"__proto__"/i

/** Throws `body_malformed` with the place. */
export function parseJson(text: string): unknown {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new PushError('body_malformed', `the body is not JSON: ${placeOf(error, text)}`)
  }
  if (SUSPICIOUS.test(text)) refuseUnstorable(value, 'body')
  return value
}

/** V8 quotes the text around the fault; what a client sent may be a secret, so only the position is passed on. */
function placeOf(error: unknown, text: string): string {
  const position = /position (\d+)/.exec(String(error))?.[1]
  if (text.trim() === '') return 'it is empty'
  return position === undefined ? 'it ends too early' : `unexpected character at position ${position}`
}

function refuseUnstorable(value: unknown, path: string): void {
  if (typeof value === 'string' && (value.includes('\0') || !value.isWellFormed()))
    throw new PushError('body_malformed', `${path} holds a NUL character or half a surrogate pair`)
  if (typeof value !== 'object' || value === null) return
  for (const [key, inner] of Object.entries(value)) {
    if (key === '__proto__') throw new PushError('body_malformed', `${path} has a key "__proto__"`)
    refuseUnstorable(key, path)
    refuseUnstorable(inner, `${path}.${key.slice(0, 40)}`)
  }
}
