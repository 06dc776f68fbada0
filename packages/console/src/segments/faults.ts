/**
 * Which part of a condition, or which character of an expression, a refusal of the server is about.
 *
 * Its words are `condition.and[1].not: …`, `body/condition/and/1: …` and `expression, character 8: …`; of an expression the character
 * stands among the values of the fault as well. Source: docs/segments.md, and http/faults.ts of the server.
 */
import { ApiProblem } from '../api/client.ts'
import { fieldFaultsOf, type ProblemTexts, sayFault } from '../api/faults.ts'

export interface ConditionFault {
  readonly words: string
  /** Of a condition, as `idAt` of tree.ts takes it. */
  readonly place: string
  /** Of an expression, counted from 1; undefined where none is named. */
  readonly character: number | undefined
}

const CODES: readonly string[] = ['condition_invalid', 'input_invalid']
const IN_CONDITION = /^(?:body\/)?condition(?<place>[./[][^:\s]*)?: (?<words>.+)$/s
const IN_EXPRESSION = /character (?<character>\d+)/

/** Undefined of what has nothing to do with the condition. */
export function conditionFaultOf(error: unknown, t: ProblemTexts): ConditionFault | undefined {
  if (!(error instanceof ApiProblem) || !CODES.includes(error.body.code)) return undefined
  const [coded] = fieldFaultsOf(error.body)
  const say = (text: string): string =>
    sayFault(coded ?? { code: 'other', place: 'body', values: {}, text }, t)
  const { detail } = error.body
  const inCondition = IN_CONDITION.exec(detail)?.groups
  if (inCondition)
    return { words: say(inCondition.words ?? detail), place: inCondition.place ?? '', character: undefined }
  const character = coded?.values.character ?? IN_EXPRESSION.exec(detail)?.groups?.character
  return { words: say(detail), place: '', character: character === undefined ? undefined : Number(character) }
}
