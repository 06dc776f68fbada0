/**
 * Liquid in content: compiled once, rendered for each device that has a value of its own for it.
 *
 * Whoever may send a message may write a template, so one must not stop the server: no files, no includes, and a limit
 * of steps and of memory for all texts of one notification. Both are counted and not measured in time, so that a busy moment fails nobody.
 * Source: LiquidJS, "DoS Prevention" (`memoryLimit`) and "Options".
 */
import {
  AssignTag,
  CaseTag,
  type Comparable,
  type ComparableResult,
  Context,
  defaultOperators,
  Liquid,
  type Template,
  UndefinedVariableError,
  type Value,
} from 'liquidjs'
import { remarkOfSyntax, type TemplateRemark } from './template-remarks.ts'

/** Blocks and their parts: a text of a hundred tags takes two hundred, a loop over a thousand words a thousand. */
const STEPS_MAX = 3000
/** Characters and items that filters and loops make and that comparisons look through, all together. */
const MEMORY_MAX = 50_000
/** To search a text is so much cheaper than to search a list. */
const CHARACTERS_AN_ITEM = 64
/** Of one text, and more than its longest field takes. */
const TEMPLATE_CHARACTERS = 8192
/** Includes would look for files, and counters that outlive a text have no meaning here. */
const REFUSED_TAGS = ['include', 'render', 'layout', 'block', 'tablerow', 'increment', 'decrement']

/** What they ask stands in a text, where nobody looks for the variables that it names. */
const REFUSED_FILTERS = /_exp$/

/** Those that go through a list or a text: LiquidJS counts what filters go through, and not these. */
const SEARCHES = ['==', '!=', 'contains'] as const

type Comparison = (left: unknown, right: unknown, context: Context) => ComparableResult

function counted(name: (typeof SEARCHES)[number]): Comparison {
  const operator = defaultOperators[name] as Comparison
  return (left: unknown, right: unknown, context: Context) => {
    if (Array.isArray(left)) context.memoryLimit.use(left.length)
    else if (typeof left === 'string') context.memoryLimit.use(left.length / CHARACTERS_AN_ITEM)
    return operator(left, right, context)
  }
}

/** `case` compares with each `when` as `==` does, and by no operator: of a list that is counted in the same way. */
function countedCase(): typeof CaseTag {
  return class extends CaseTag {
    constructor(...given: ConstructorParameters<typeof CaseTag>) {
      super(...given)
      const { value } = this
      this.value = Object.assign(Object.create(value) as typeof value, {
        *value(context: Context, isLenient?: boolean): Generator<unknown, unknown, unknown> {
          const target = yield value.value(context, isLenient)
          return Array.isArray(target) ? comparable(target, context) : target
        },
      })
    }
  }
}

/** In the shape in which LiquidJS leaves comparing to a value itself. */
function comparable(list: readonly unknown[], context: Context): Comparable {
  const isNever = () => false
  const equals = (other: unknown) => counted('==')(list, other, context)
  return { equals, gt: isNever, geq: isNever, lt: isNever, leq: isNever }
}

/** What LiquidJS keeps for itself of an `assign`. */
interface Assignment {
  readonly key: string
  readonly value: Value
}

/**
 * LiquidJS keeps null of a variable that is missing, and null is shown as nothing. Here what was kept of one is missing in
 * its turn: it may be asked for, and showing it is to show a variable without a value.
 */
function assignOfMissing(): typeof AssignTag {
  return class extends AssignTag {
    override *render(context: Context): Generator<unknown, void, unknown> {
      const assignment = this as unknown as Assignment
      const { filters, initial } = assignment.value
      const isVariable = filters.length === 0 && initial.postfix.length === 1
      const isComparing = initial.postfix.length > 1
      const kept = isVariable
        ? valueOrMissing(assignment, context)
        : assignment.value.value(context, isComparing)
      context.bottom()[assignment.key] = yield kept
    }
  }
}

function* valueOrMissing({ key, value }: Assignment, context: Context): Generator<unknown, unknown, unknown> {
  try {
    return yield value.value(context, false)
  } catch (error) {
    if (!(error instanceof UndefinedVariableError)) throw error
    missingOf(context).set(key, originOf(error, context))
    return undefined
  }
}

/** What was missing, by the name under which it was kept. */
function missingOf(context: Context): Map<string, UndefinedVariableError> {
  return context.getRegister('missing', new Map()) as Map<string, UndefinedVariableError>
}

function originOf(error: UndefinedVariableError, context: Context): UndefinedVariableError {
  return missingOf(context).get(writtenName(error)) ?? error
}

/** In place of "[object Object]". */
function refuseObject(value: unknown): string {
  if (Array.isArray(value) ? value.some(isObject) : isObject(value))
    throw new ObjectShown('an object has no text; name one of its values')
  return value as string // LiquidJS makes a text of what it gets back
}

/** One with values by name: what LiquidJS makes of its own (`empty`, `forloop`) has a class and a text. */
function isObject(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

const OPTIONS = {
  operators: { ...defaultOperators, ...Object.fromEntries(SEARCHES.map(name => [name, counted(name)])) },
  templates: {},
  strictFilters: true,
  strictVariables: true,
  /** A variable that is asked for (`if`, `default`) may be missing. */
  lenientIf: true,
  ownPropertyOnly: true,
  outputEscape: refuseObject,
  parseLimit: TEMPLATE_CHARACTERS,
  timezoneOffset: 0,
  locale: 'en',
} as const

const engine = new Liquid(OPTIONS)
for (const tag of REFUSED_TAGS) delete engine.tags[tag]
engine.registerTag('case', countedCase())
engine.registerTag('assign', assignOfMissing())
for (const filter of Object.keys(engine.filters))
  if (REFUSED_FILTERS.test(filter)) delete engine.filters[filter]

/** What a device has, by the root of a variable's name. */
export type Scope = Readonly<Record<string, unknown>>

/** A name in parts: `tags["First Name"]` is `['tags', 'First Name']`; null for a part that is itself a variable. */
export type VariablePath = readonly (string | null)[]

export interface RenderOptions {
  /** Nothing stands where a value is missing. */
  readonly isBlank: boolean
  /** Shared by all texts that are rendered for one device. */
  readonly budget: Budget
}

export interface CompiledText {
  readonly variables: readonly VariablePath[]
  /** Throws MissingVariable, or TemplateFault when it goes over a limit or a filter can't do its work. */
  render(scope: Scope, options: RenderOptions): string
}

export class MissingVariable extends Error {
  readonly variable: string

  constructor(variable: string) {
    super(`no value for ${variable}`)
    this.name = 'MissingVariable'
    this.variable = variable
  }
}

export class TemplateFault extends Error {
  override readonly name: string = 'TemplateFault'
}

/** It can't be read at all. */
export class SyntaxFault extends TemplateFault {
  override readonly name = 'SyntaxFault'
  readonly remark: TemplateRemark

  constructor(message: string, options: { readonly cause: unknown; readonly remark: TemplateRemark }) {
    super(message, options)
    this.remark = options.remark
  }
}

/** An object stands where a text is to be: with whatever values, it is the template's fault. */
export class ObjectShown extends TemplateFault {
  override readonly name = 'ObjectShown'
}

export function isTemplate(text: string): boolean {
  return text.includes('{{') || text.includes('{%')
}

/** Throws SyntaxFault with the place. */
export function compileText(text: string): CompiledText {
  const templates = parse(text)
  const variables = engine.globalVariableSegmentsSync(templates).map(pathOf)
  const plain = readPlain(text)
  const parsed = { templates, variables }
  return {
    variables,
    render: (scope, options) => (plain && fill(plain, scope, options)) ?? render(parsed, scope, options),
  }
}

/** Texts, and between each two of them the variable that stands there. */
interface PlainText {
  readonly texts: readonly string[]
  readonly places: readonly { readonly root: string; readonly name: string }[]
}

/** One variable as it is. Of these three names Liquid makes something of its own, and a hyphen may trim what is beside it. */
const PLACE = /\{\{ *([a-z]+)\.(?!(?:size|first|last) *\}\})([A-Za-z_]\w*) *\}\}/
/** Text without tags, filters and anything else that Liquid would have to look at. */
const LIQUID = /\{\{|\{%|\}\}|%\}/

/** What most templates are; undefined for all others. */
function readPlain(text: string): PlainText | undefined {
  const parts = text.split(PLACE)
  const texts = parts.filter((_, i) => i % 3 === 0)
  if (texts.some(it => LIQUID.test(it) || it.endsWith('{'))) return undefined
  const places = texts.slice(1).map((_, i) => ({
    root: parts[3 * i + 1] as string,
    name: parts[3 * i + 2] as string,
  }))
  return { texts, places }
}

/** What Liquid would make of it, at a tenth of its time; undefined where a value is neither text nor a number. */
function fill({ texts, places }: PlainText, scope: Scope, { budget }: RenderOptions): string | undefined {
  let text = texts[0] as string
  for (let i = 0; i < places.length; i++) {
    const { root, name } = places[i] as PlainText['places'][number]
    const value = ownValue(ownValue(scope, root), name)
    if (typeof value !== 'string' && typeof value !== 'number') return undefined
    text += value + (texts[i + 1] as string)
  }
  try {
    budget.steps.use(texts.length + places.length)
  } catch (error) {
    throw new TemplateFault(wordsOf(error), { cause: error })
  }
  return text
}

function ownValue(values: unknown, name: string): unknown {
  const isObject = typeof values === 'object' && values !== null
  return isObject && Object.hasOwn(values, name) ? (values as Record<string, unknown>)[name] : undefined
}

function parse(text: string): Template[] {
  try {
    return engine.parse(text)
  } catch (error) {
    const words = wordsOf(error)
    throw new SyntaxFault(words, { cause: error, remark: remarkOfSyntax(words, TEMPLATE_CHARACTERS) })
  }
}

function pathOf(segments: readonly unknown[]): VariablePath {
  return segments.map(it => (Array.isArray(it) ? null : String(it)))
}

interface Parsed {
  readonly templates: Template[]
  readonly variables: readonly VariablePath[]
}

function render({ templates, variables }: Parsed, scope: Scope, { isBlank, budget }: RenderOptions): string {
  const options = { sync: true, strictVariables: !isBlank }
  const context = new Context(scope, engine.options, options, { liquid: engine })
  context.renderLimit = budget.steps as unknown as Context['renderLimit']
  context.memoryLimit = budget.memory as unknown as Context['memoryLimit']
  try {
    return String(engine.renderSync(templates, context))
  } catch (error) {
    if (error instanceof UndefinedVariableError)
      throw new MissingVariable(nameOf(originOf(error, context), variables))
    if (causeOf(error) instanceof ObjectShown) throw new ObjectShown(wordsOf(error), { cause: error })
    throw new TemplateFault(wordsOf(error), { cause: error })
  }
}

/** In place of LiquidJS' own: that for time it asks before each step. */
export class Budget {
  readonly steps = new Limit('steps', STEPS_MAX)
  readonly memory = new Limit('memory', MEMORY_MAX)
}

class Limit {
  readonly #name: string
  readonly #limit: number
  #used = 0

  constructor(name: string, limit: number) {
    this.#name = name
    this.#limit = limit
  }

  check(): void {
    this.use(1)
  }

  use(count: number): void {
    this.#used += Math.max(0, Number(count) || 0)
    if (this.#used > this.#limit)
      throw new Error(`more ${this.#name} than the ${this.#limit} that a message may take`)
  }
}

/** A name that was computed is told without what it was computed from: that may be a person's. */
function nameOf(error: UndefinedVariableError, variables: readonly VariablePath[]): string {
  const name = writtenName(error)
  const root = /^\w*/.exec(name)?.[0]
  return variables.some(path => path[0] === root && path.includes(null)) ? `${root}[…]` : name
}

function writtenName(error: UndefinedVariableError): string {
  return /undefined variable: (.*?), line:/.exec(error.message)?.[1] ?? 'a variable'
}

function causeOf(error: unknown): unknown {
  return error instanceof Error && 'originalError' in error ? error.originalError : undefined
}

/** LiquidJS appends the place to the first line. */
function wordsOf(error: unknown): string {
  return error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error)
}
