/**
 * Which fields of a form a refusal of the server is about, in the reader's language.
 *
 * A refusal lists its `faults`, each with its place: "body/to/users/0". What has none of its own names places in its detail, separated
 * by semicolons: "body/name: it is missing; body/to/users/0: …". Source: http/faults.ts of the server. Some codes are about one
 * field alone.
 */
import type { FieldFault } from '@roost/protocol'
import { type Translate, writeKnown } from '../i18n/translate.ts'
import { ApiProblem, type ProblemBody } from './client.ts'

const FAULT = /^((?:body|querystring|params)(?:\/\S+?)?): (.+)$/

export type Faults = Readonly<Record<string, string>>
export type FieldOfCode = Readonly<Record<string, string>>
/** The texts of `problems`; undefined where they can't be had, which leaves the server's own words. */
export type ProblemTexts = Pick<Translate<never>, 'known'> | undefined

/** By path within the body, as Mantine's forms name fields ("to.users.0"); empty when it names none. */
export function faultsOf(error: unknown, t: ProblemTexts, fieldOfCode: FieldOfCode = {}): Faults {
  if (!(error instanceof ApiProblem)) return {}
  const { body } = error
  const field = fieldOfCode[body.code]
  if (field !== undefined) return { [field]: sayCode(body, t) }
  const faults: Record<string, string> = {}
  for (const fault of fieldFaultsOf(body)) {
    const place = fieldOf(fault)
    if (place !== '') faults[place] ??= sayFault(fault, t)
  }
  return faults
}

/** What a refusal says of single fields. */
export function fieldFaultsOf({ code, detail, faults = [] }: ProblemBody): readonly FieldFault[] {
  if (faults.length > 0) return faults
  return code === 'input_invalid' ? faultsIn(detail) : []
}

/** "to.users.0"; empty for the body as a whole. */
export function fieldOf({ place }: Pick<FieldFault, 'place'>): string {
  return place.split('/').slice(1).join('.')
}

export function sayFault({ code, values, text }: FieldFault, t: ProblemTexts): string {
  return writeKnown(t, `fault.${code}`, values) ?? writeKnown(t, 'fault.other', { text }) ?? text
}

/** What is wrong, and what mends it. */
function sayCode({ code, detail, values = {} }: ProblemBody, t: ProblemTexts): string {
  const what = writeKnown(t, code, values)
  if (what === undefined) return detail
  const remedy = sayRemedy(code, t, values)
  return remedy === undefined ? what : `${what} · ${remedy}`
}

/** Of codes that are mended alike there is one text. */
export function sayRemedy(code: string, t: ProblemTexts, values: FieldFault['values']): string | undefined {
  const own = writeKnown(t, `${code}.remedy`, values)
  if (own !== undefined) return own
  if (code.endsWith('_unknown')) return writeKnown(t, 'gone.remedy', values)
  return code.endsWith('_name_taken') ? writeKnown(t, 'taken.remedy', values) : undefined
}

/** Of what lists no faults: its words are the server's. */
function faultsIn(detail: string): FieldFault[] {
  const faults: FieldFault[] = []
  for (const part of detail.split('; ')) {
    const [, place, text] = FAULT.exec(part) ?? []
    const last = faults.at(-1)
    if (place !== undefined && text !== undefined) faults.push({ code: 'other', place, values: {}, text })
    // what was given comes after a semicolon of its own
    else if (last !== undefined) faults[faults.length - 1] = { ...last, text: `${last.text}; ${part}` }
  }
  return faults
}
