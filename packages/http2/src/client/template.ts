/**
 * The part of a request that stays the same over thousands of requests, and which answers' headers are wanted.
 *
 * Constant fields go into the peer's dynamic table with the first request and cost a byte each afterwards; secret ones
 * are sent as never-indexed literals each time (RFC 7541 §7.1.3), from bytes that were encoded once.
 */
export type Field = readonly [name: string, value: string]

export interface TemplateOptions {
  /** `:method`, `:scheme`, `:authority` and what else never changes; lower-case names. `:path` comes with each request. */
  readonly constant: readonly Field[]
  /** Never indexed: `authorization`. */
  readonly secret?: readonly Field[]
  /** Names whose values come with each request, in the order in which they are given; lower-case. */
  readonly variable?: readonly string[]
  /** Headers of the answer to keep; lower-case. */
  readonly wanted?: readonly string[]
}

/** Visible ASCII, space, tab and obs-text: no CR, LF or NUL can get in (RFC 9113 §8.2.1). */
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/
const NAME = /^:?[!#$%&'*+.^_`|~0-9a-z-]+$/

export class HeaderTemplate {
  readonly pseudo: readonly Field[]
  readonly constant: readonly Field[]
  readonly secret: readonly Field[]
  readonly variable: readonly string[]
  readonly wanted: readonly string[]
  /** Upper bound of the fixed part's bytes, encoded. */
  readonly maxFixedBytes: number

  /** Throws RangeError for a name or value that HTTP/2 can't carry. */
  constructor(options: TemplateOptions) {
    const { constant, secret = [], variable = [], wanted = [] } = options
    for (const [name, value] of [...constant, ...secret]) {
      requireName(name)
      requireValue(name, value)
    }
    for (const name of [...variable, ...wanted]) requireName(name)
    this.pseudo = constant.filter(([name]) => name.startsWith(':'))
    this.constant = constant.filter(([name]) => !name.startsWith(':'))
    this.secret = secret
    this.variable = variable
    this.wanted = wanted
    this.maxFixedBytes = [...constant, ...secret].reduce(
      (sum, [name, value]) => sum + name.length + value.length + 16,
      0,
    )
  }
}

/** They speak of the connection, which in HTTP/2 is no matter of headers (RFC 9113 §8.2.2). */
const FORBIDDEN = new Set(['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade'])

function requireName(name: string): void {
  if (FORBIDDEN.has(name)) throw new RangeError(`"${name}" may not be sent over HTTP/2`)
  if (!NAME.test(name)) throw new RangeError(`"${name}" is no lower-case header name`)
}

/** The value itself may be a secret and is not told. */
function requireValue(name: string, value: string): void {
  if (!VALUE.test(value))
    throw new RangeError(`the value of "${name}" holds characters that no header may have`)
}

/** Throws RangeError for a path or value that HTTP/2 can't carry. */
export function requireRequest(
  template: HeaderTemplate,
  path: string,
  values: readonly (string | undefined)[],
): void {
  requireValue(':path', path)
  for (let i = 0; i < template.variable.length; i++) {
    const value = values[i]
    if (value !== undefined) requireValue(template.variable[i] as string, value)
  }
}
