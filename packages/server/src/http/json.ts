/**
 * Reading a JSON body so that nothing gets in that PostgreSQL can't store or that would surprise code behind:
 * NUL characters, lone surrogates (both legal in JSON, neither in its text type), `__proto__` keys, and nesting
 * that the stack of recursive code (checks, `JSON.stringify`, jsonb) would not survive.
 */
import { isUtf8 } from 'node:buffer'
import { PushError } from '@roost/protocol'
import type { FastifyInstance, FastifyRequest } from 'fastify'

/** Worth a closer look; also escapes of the characters that `__proto__` is written with. */
const SUSPICIOUS = /\\u00[0567]|\\ud[89a-f]|"__proto__"/i
/** A condition may nest 12 deep; nothing useful nests this deep. */
const DEPTH_MAX = 64

export function notJson(): PushError {
  return new PushError(
    'body_malformed',
    'the body is not sent as JSON: it takes the header "content-type: application/json"',
  )
}

/** Every body below this place is JSON, whatever its content type says. */
export function readAnyBodyAsJson(app: FastifyInstance, bodyLimit: number): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit }, (request, body, done) => {
    try {
      done(null, readJson(request, body as Buffer))
    } catch (error) {
      done(error as Error)
    }
  })
}

/** RFC 8259, 8.1: a reader may pass over it. */
const BYTE_ORDER_MARK = '\uFEFF'
const GZIP_MAGIC = 0x1f8b

/** The bytes of a body as JSON. Decoded leniently two names that differ in a broken byte would be one. */
export function readJson(request: FastifyRequest, bytes: Buffer): unknown {
  const encoding = request.headers['content-encoding'] ?? 'identity'
  if (encoding !== 'identity' || (bytes.length > 1 && bytes.readUInt16BE() === GZIP_MAGIC))
    throw new PushError(
      'body_malformed',
      'the body is compressed: send it as it is, without content-encoding',
    )
  if (!isUtf8(bytes)) throw new PushError('body_malformed', 'the body is not UTF-8')
  const text = bytes.toString()
  return parseJson(text.startsWith(BYTE_ORDER_MARK) ? text.slice(1) : text)
}

/** `whole` is what the text is called in what is thrown: `body_malformed` with the place. */
export function parseJson(text: string, whole = 'body'): unknown {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new PushError('body_malformed', `the ${whole} is not JSON: ${placeOf(error, text)}`)
  }
  if (isDeeperThan(value, DEPTH_MAX))
    throw new PushError('body_malformed', `the ${whole} is nested deeper than ${DEPTH_MAX} levels`)
  if (SUSPICIOUS.test(text)) refuseUnstorable(value, whole)
  return value
}

/** V8 quotes the text around the fault; what a client sent may be a secret, so only the position is passed on. */
function placeOf(error: unknown, text: string): string {
  const position = /position (\d+)/.exec(String(error))?.[1]
  if (text.trim() === '') return 'it is empty'
  if (position !== undefined) return `unexpected character at position ${position}`
  return String(error).includes('end of JSON') ? 'it ends too early' : 'unexpected character'
}

function isDeeperThan(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false
  return levels === 0 || Object.values(value).some(inner => isDeeperThan(inner, levels - 1))
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
