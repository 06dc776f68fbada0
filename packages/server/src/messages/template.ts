/**
 * Liquid in content: compiled once, rendered for each device that has a value of its own for it.
 *
 * Whoever may send a message may write a template, so one must not stop the server: no files, no includes, and a limit
 * of steps and of memory for each text. Both are counted and not measured in time, so that a busy moment fails nobody.
 * Source: LiquidJS, "DoS Prevention" (`memoryLimit`) and "Options".
 */
import { Context, Liquid, type Template, UndefinedVariableError } from 'liquidjs'

/** Blocks and their parts: a text of a hundred tags takes two hundred, a loop over a thousand words a thousand. */
const STEPS_MAX = 5000
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

export interface CompiledText {
  readonly variables: readonly VariablePath[]
  /** `isBlank`: nothing stands where a value is missing. Throws MissingVariable, or TemplateFault when it goes over a limit or a filter can't do its work. */
  render(scope: Scope, isBlank?: boolean): string
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
  return {
    variables: engine.globalVariableSegmentsSync(templates).map(pathOf),
    render: (scope, isBlank = false) => render(templates, scope, isBlank),
  }
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

function render(templates: Template[], scope: Scope, isBlank: boolean): string {
  const options = { memoryLimit: MEMORY_MAX, sync: true, strictVariables: !isBlank }
  const context = new Context(scope, engine.options, options, { liquid: engine })
  context.renderLimit = new Steps() as unknown as Context['renderLimit']
  try {
    return String(engine.renderSync(templates, context))
  } catch (error) {
    if (error instanceof UndefinedVariableError) throw new MissingVariable(nameOf(error))
    throw new TemplateFault(wordsOf(error), { cause: error })
  }
}

/** LiquidJS asks its clock's limit before each step. */
class Steps {
  #count = 0

  check(): void {
    if (++this.#count > STEPS_MAX) throw new Error('template steps limit exceeded')
  }

  use(): void {}
}

function nameOf(error: UndefinedVariableError): string {
  return /undefined variable: (.*?), line:/.exec(error.message)?.[1] ?? 'a variable'
}

/** LiquidJS appends the place to the first line. */
function wordsOf(error: unknown): string {
  return error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error)
}
