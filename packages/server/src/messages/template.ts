/**
 * Liquid in content: compiled once, rendered for each device that has a value of its own for it.
 *
 * Whoever may send a message may write a template, so one must not stop the server: no files, no includes, and a limit
 * of steps and of memory for all texts of one notification. Both are counted and not measured in time, so that a busy moment fails nobody.
 * Source: LiquidJS, "DoS Prevention" (`memoryLimit`) and "Options".
 */
import { Context, Liquid, type Template, UndefinedVariableError } from 'liquidjs'

/** Blocks and their parts: a text of a hundred tags takes two hundred, a loop over a thousand words a thousand. */
const STEPS_MAX = 3000
/** Characters and items that filters and loops make, all together. */
const MEMORY_MAX = 50_000
/** Of one text, and more than its longest field takes. */
const TEMPLATE_CHARACTERS = 8192
/** Includes would look for files, and counters that outlive a text have no meaning here. */
const REFUSED_TAGS = ['include', 'render', 'layout', 'block', 'tablerow', 'increment', 'decrement']

const OPTIONS = {
  templates: {},
  strictFilters: true,
  strictVariables: true,
  /** A variable that is asked for (`if`, `default`) may be missing. */
  lenientIf: true,
  ownPropertyOnly: true,
  parseLimit: TEMPLATE_CHARACTERS,
  timezoneOffset: 0,
  locale: 'en',
} as const

const engine = new Liquid(OPTIONS)
for (const tag of REFUSED_TAGS) delete engine.tags[tag]

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
  override readonly name = 'TemplateFault'
}

export function isTemplate(text: string): boolean {
  return text.includes('{{') || text.includes('{%')
}

/** Throws TemplateFault with the place. */
export function compileText(text: string): CompiledText {
  const templates = parse(text)
  const variables = engine.globalVariableSegmentsSync(templates).map(pathOf)
  return { variables, render: (scope, options) => render({ templates, variables }, scope, options) }
}

function parse(text: string): Template[] {
  try {
    return engine.parse(text)
  } catch (error) {
    throw new TemplateFault(wordsOf(error), { cause: error })
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
    if (error instanceof UndefinedVariableError) throw new MissingVariable(nameOf(error, variables))
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
  const name = /undefined variable: (.*?), line:/.exec(error.message)?.[1] ?? 'a variable'
  const root = /^\w*/.exec(name)?.[0]
  return variables.some(path => path[0] === root && path.includes(null)) ? `${root}[…]` : name
}

/** LiquidJS appends the place to the first line. */
function wordsOf(error: unknown): string {
  return error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error)
}
