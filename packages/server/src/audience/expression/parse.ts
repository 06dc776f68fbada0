/**
 * The expression language of the compatible protocol, read into a condition: `A("app")`, `T("tag", op, value)`, `AT(…)` and
 * sets combined by `*` (and), `+` (or), `\` (minus). `Event`, and our own `F`, `Message`, `Segment` and `List`, say the
 * rest of what a condition can.
 *
 * Which of `*`, `+` and `\` goes first is documented nowhere, so a mixture whose readings differ needs parentheses.
 * Source: the compatible protocol, "Filters, segmentation language, export". docs/segments.md has examples.
 */
import {
  ANY_MESSAGE,
  type Condition,
  codeOfIssue,
  conditionSchema,
  DEVICE_FIELDS,
  DEVICE_TYPES,
  type DeviceField,
  MESSAGE_FATES,
  type MessageFate,
  type Operator,
  PLATFORMS,
  type Platform,
} from '@roost/protocol'
import { END, refuseAs, refuseAt } from './faults.ts'
import {
  comparisonOf,
  DAY_OPERATORS,
  DAYS_AGO,
  type DayOperator,
  daysComparisonOf,
  type Given,
  givenOf,
  OPERATORS_BY_NAME,
  type Subject,
} from './operators.ts'
import { readTokens, shown, type Token } from './tokens.ts'

export interface ExpressionOptions {
  /** The code of the app: an expression is over one. */
  readonly app: string
  /** The id of the segment with this name or code. Without it segments are named by their ids. */
  readonly segmentNamed?: (name: string) => string | undefined
}

/** Conditions nest less deep; this keeps a text of parentheses from filling the stack. */
const DEPTH_MAX = 50

/** All devices of the app. */
export const EVERYBODY: Condition = { field: 'hwid', op: 'set' }

/** Who has an address, whether it may show something or not. */
export const WITH_TOKEN: Condition = { field: 'push', op: 'in', value: ['reachable', 'no_permission'] }

/** Throws `condition_invalid` naming the place and what is allowed there. */
export function parseExpression(text: string, options: ExpressionOptions): Condition {
  const condition = new Parser(readTokens(text), options).parse()
  refuseTooMuch(condition, { place: 1 })
  return condition
}

/** Of what can be said, but not so much of it. `call`: the part of the expression that means the condition. */
function refuseTooMuch(
  condition: Condition,
  { place, call }: { readonly place: number; readonly call?: string },
): void {
  const issue = conditionSchema.safeParse(condition).error?.issues[0]
  if (issue === undefined) return
  const text = [...(call === undefined ? [] : [`${call}(…)`]), ...issue.path, issue.message].join(': ')
  refuseAs(place, text, codeOfIssue(issue))
}

const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/

type Call = (parser: Parser, name: Token) => Condition

/** By their names in lower case. */
const CALLS: Readonly<Record<string, Call>> = {
  a: parser => parser.application(),
  t: parser => parser.comparison({ tag: parser.text('tag') }),
  at: parser => {
    parser.thisApp()
    parser.comma()
    return parser.comparison({ tag: parser.text('tag') })
  },
  f: parser => parser.comparison({ field: parser.oneOf(DEVICE_FIELDS, 'field') as DeviceField }),
  event: parser => parser.event(),
  message: parser => parser.message(),
  segment: parser => ({ segment: parser.segment() }),
  list: parser => ({ list: parser.id('list') }),
  g: (_, name) => refuseAt(name.place, 'expression_groups', {}),
  updated: (_, name) => refuseAt(name.place, 'expression_updated', {}),
}
/** As they are written. */
const CALL_NAMES = 'A, T, AT, F, Event, Message, Segment, List'

class Parser {
  readonly #tokens: readonly Token[]
  readonly #options: ExpressionOptions
  #at = 0
  #depth = 0

  constructor(tokens: readonly Token[], options: ExpressionOptions) {
    this.#tokens = tokens
    this.#options = options
  }

  parse(): Condition {
    const condition = this.#sets()
    const rest = this.#next()
    if (rest.kind !== 'end')
      refuseAt(rest.place, 'expression_join_expected', { sign: END, found: shown(rest) })
    return condition
  }

  #peek(): Token {
    return this.#tokens[this.#at] as Token
  }

  #next(): Token {
    const token = this.#peek()
    if (token.kind !== 'end') this.#at++
    return token
  }

  #takeSign(sign: string): boolean {
    const { kind, value } = this.#peek()
    if (kind !== 'sign' || value !== sign) return false
    this.#at++
    return true
  }

  #requireSign(
    sign: string,
    code:
      | 'expression_sign_expected'
      | 'expression_comma_expected'
      | 'expression_join_expected' = 'expression_sign_expected',
  ): void {
    const next = this.#peek()
    if (!this.#takeSign(sign)) refuseAt(next.place, code, { sign, found: shown(next) })
  }

  #requireEndOfCall(): void {
    const next = this.#peek()
    if (next.value === ',') refuseAt(next.place, 'expression_too_much', { found: shown(next) })
    this.#requireSign(')')
  }

  /** Sets with the signs between them. */
  #sets(): Condition {
    if (++this.#depth > DEPTH_MAX) refuseAt(this.#peek().place, 'expression_too_deep', { limit: DEPTH_MAX })
    const sets = [this.#set()]
    const signs: string[] = []
    for (let token = this.#peek(); isSetSign(token); token = this.#peek()) {
      requireOneReading(signs, token)
      signs.push(token.value)
      this.#at++
      sets.push(this.#set())
    }
    this.#depth--
    return combined(sets, signs)
  }

  #set(): Condition {
    if (this.#takeSign('(')) {
      const inside = this.#sets()
      this.#requireSign(')', 'expression_join_expected')
      return inside
    }
    const name = this.#next()
    const call = name.kind === 'name' ? CALLS[name.value.toLowerCase()] : undefined
    if (call === undefined || !Object.hasOwn(CALLS, name.value.toLowerCase()))
      refuseAt(name.place, 'expression_call_expected', { names: CALL_NAMES, found: shown(name) })
    this.#requireSign('(')
    const condition = call(this, name)
    this.#requireEndOfCall()
    refuseTooMuch(condition, { place: name.place, call: name.value })
    return condition
  }

  comma(): void {
    this.#requireSign(',')
  }

  text(what: string): string {
    const token = this.#next()
    if (token.kind !== 'text')
      refuseAt(token.place, 'expression_text_expected', { what, found: shown(token) })
    return token.value
  }

  id(what: 'segment' | 'list'): string {
    const { place } = this.#peek()
    const id = this.text(what === 'list' ? 'list' : 'segment_id').toLowerCase()
    if (!UUID.test(id)) refuseAt(place, 'expression_id_expected', { what, found: JSON.stringify(id) })
    return id
  }

  segment(): string {
    const token = this.#peek()
    const { segmentNamed } = this.#options
    if (segmentNamed === undefined || UUID.test(token.value.toLowerCase())) return this.id('segment')
    const id = segmentNamed(this.text('segment'))
    return id ?? refuseAt(token.place, 'expression_segment_unknown', { found: JSON.stringify(token.value) })
  }

  /** A name, in quotes or not. Case matters only where two are told apart by it. */
  oneOf(allowed: readonly string[], what: string): string {
    const token = this.#next()
    const isWord = token.kind === 'name' || token.kind === 'text'
    const found = isWord
      ? (allowed.find(it => it === token.value) ??
        allowed.find(it => it.toLowerCase() === token.value.toLowerCase()))
      : undefined
    if (found === undefined)
      refuseAt(token.place, 'expression_word_expected', {
        what,
        allowed: allowed.join(', '),
        found: shown(token),
      })
    return found
  }

  #count(): number {
    const token = this.#next()
    const count = token.kind === 'number' ? Number(token.value) : Number.NaN
    if (!Number.isSafeInteger(count) || count < 0)
      refuseAt(token.place, 'expression_whole_expected', { found: shown(token) })
    return count
  }

  thisApp(): void {
    const { place } = this.#peek()
    const found = this.text('app')
    const { app } = this.#options
    if (found.toUpperCase() !== app.toUpperCase())
      refuseAt(place, 'expression_other_app', { found: JSON.stringify(found), app })
  }

  application(): Condition {
    this.thisApp()
    const parts: Condition[] = []
    if (this.#takeSign(',')) {
      const platforms = this.#list(() => this.#platform())
      if (platforms.length > 0)
        parts.push({ field: 'platform', op: 'in', value: [...new Set(platforms.flat())] })
      if (this.#takeSign(',') && this.#withTokens()) parts.push(WITH_TOKEN)
    }
    return parts.length > 1 ? { and: parts } : (parts[0] ?? EVERYBODY)
  }

  #list<T>(read: () => T): T[] {
    this.#requireSign('[')
    const items: T[] = []
    if (this.#takeSign(']')) return items
    do items.push(read())
    while (this.#takeSign(','))
    this.#requireSign(']', 'expression_comma_expected')
    return items
  }

  /** By our name for it, or by its number in the device protocol. */
  #platform(): Platform {
    const token = this.#peek()
    if (token.kind !== 'number') return this.oneOf(PLATFORMS, 'platform') as Platform
    this.#at++
    const platform = (DEVICE_TYPES as Readonly<Record<string, Platform>>)[token.value]
    if (platform === undefined || !Object.hasOwn(DEVICE_TYPES, token.value))
      refuseAt(token.place, 'expression_word_expected', {
        what: 'platform',
        allowed: [...PLATFORMS, ...Object.keys(DEVICE_TYPES)].join(', '),
        found: shown(token),
      })
    return platform
  }

  #withTokens(): boolean {
    const token = this.#next()
    const isYes = token.value.toLowerCase() === 'true' || token.value === '1'
    if (!isYes && token.value.toLowerCase() !== 'false' && token.value !== '0')
      refuseAt(token.place, 'expression_truth_expected', { found: shown(token) })
    return isYes
  }

  comparison(subject: Subject): Condition {
    this.comma()
    const name = this.oneOf([...OPERATORS_BY_NAME.keys(), DAYS_AGO], 'operator')
    if (name === DAYS_AGO) return this.#days(subject)
    const op = OPERATORS_BY_NAME.get(name) as Operator
    if (op === 'set' || op === 'unset') return { ...subject, op }
    this.comma()
    const takesList = op === 'in' || op === 'nin' || op === 'between'
    return comparisonOf(subject, op, takesList ? this.#operands(op) : this.#operand())
  }

  #operands(op: Operator): Given[] {
    const { place } = this.#peek()
    const given = this.#list(() => this.#operand())
    if (given.length === 0) refuseAt(place, 'expression_list_empty', {})
    if (op === 'between' && given.length !== 2) refuseAt(place, 'expression_pair_expected', {})
    return given
  }

  #operand(): Given {
    const token = this.#next()
    if (token.kind === 'text') return token.isEscaped ? { value: token.value } : givenOf(token.value)
    if (token.kind === 'number') return { value: numberOf(token) }
    const word = token.kind === 'name' ? token.value.toLowerCase() : ''
    if (word !== 'true' && word !== 'false')
      refuseAt(token.place, 'expression_value_expected', { found: shown(token) })
    return { value: word === 'true' }
  }

  #days(subject: Subject): Condition {
    this.comma()
    const op = this.oneOf(DAY_OPERATORS, 'day_operator') as DayOperator
    this.comma()
    const { place } = this.#peek()
    const takesList = op === 'in' || op === 'notin' || op === 'between'
    const numbers = takesList ? this.#list(() => this.#count()) : [this.#count()]
    if (numbers.length === 0) refuseAt(place, 'expression_list_empty', {})
    if (op === 'between' && numbers.length !== 2) refuseAt(place, 'expression_pair_expected', {})
    if (op === 'lt' && numbers[0] === 0) refuseAt(place, 'expression_days_never', {})
    return daysComparisonOf(subject, op, numbers)
  }

  event(): Condition {
    const event = this.text('event')
    return { event, ...this.#named(['atLeast', 'withinDays']) }
  }

  message(): Condition {
    const { place } = this.#peek()
    const message = this.text('message').toLowerCase()
    if (message !== ANY_MESSAGE && !UUID.test(message))
      refuseAt(place, 'expression_id_expected', { what: 'message', found: JSON.stringify(message) })
    this.comma()
    const was = this.oneOf(MESSAGE_FATES, 'fate') as MessageFate
    return { message, was, ...this.#named(['withinDays']) }
  }

  /** What may follow in any order, each once: `, withinDays 30`. */
  #named(allowed: readonly string[]): Record<string, number> {
    const found: Record<string, number> = {}
    while (this.#takeSign(',')) {
      const { place } = this.#peek()
      const name = this.oneOf(allowed, 'limit')
      if (name in found) refuseAt(place, 'expression_twice', { name })
      found[name] = this.#count()
    }
    return found
  }
}

function numberOf(token: Token): number {
  const number = Number(token.value)
  if (!Number.isFinite(number)) refuseAt(token.place, 'expression_number_large', { found: token.value })
  return number
}

function isSetSign({ kind, value }: Token): boolean {
  return kind === 'sign' && (value === '*' || value === '+' || value === '\\')
}

/** All `*`, all `+`, or `*` and then `\`, which is the same from either side. */
function requireOneReading(signs: readonly string[], { value: sign, place }: Token): void {
  const last = signs.at(-1)
  if (last === undefined || last === sign || (last === '*' && sign === '\\')) return
  refuseAt(place, 'expression_order_open', { sign, before: last })
}

function combined(sets: readonly Condition[], signs: readonly string[]): Condition {
  const [first] = sets
  if (sets.length === 1) return first as Condition
  if (signs[0] === '+') return { or: sets }
  if (sets.length === 2 && signs[0] === '\\' && first === EVERYBODY) return { not: sets[1] as Condition }
  return { and: sets.map((set, i) => (signs[i - 1] === '\\' ? { not: set } : set)) }
}
