/**
 * What is wrong with an expression: its sentence in English, beside the code and the values by which others write theirs
 * (EXPRESSION_FAULTS of the protocol).
 */
import {
  type ExpressionFaultCode,
  type ExpressionFaultValues,
  type FieldFault,
  PushError,
} from '@roost/protocol'

/** The end of the text, as `found` or `sign` has it; all else stands in quotes, or is a sign. */
export const END = 'end'

type Sentences = { readonly [Code in ExpressionFaultCode]: (values: ExpressionFaultValues<Code>) => string }

const TEXTS: Readonly<Record<string, string>> = {
  tag: 'the name of a tag',
  app: 'the code of the application',
  segment: 'the id, the name or the code of a segment',
  segment_id: 'the id of a segment',
  list: 'the id of a list',
  event: 'the name of an event',
  message: 'the id of a message, or "any",',
}
const WORDS: Readonly<Record<string, string>> = {
  field: 'a field',
  operator: 'an operator',
  day_operator: 'an operator for days',
  platform: 'a platform',
  fate: 'what became of it',
  limit: 'a limit',
}

const SENTENCES: Sentences = {
  expression_quote_open: () => 'the text that begins here has no closing quote',
  expression_character_unknown: ({ found }) => `${found} has no meaning here; text stands in quotes`,
  expression_sign_expected: ({ sign, found }) => `expected "${sign}", found ${shown(found)}`,
  expression_comma_expected: ({ sign, found }) => `expected a comma or "${sign}", found ${shown(found)}`,
  expression_join_expected: ({ sign, found }) =>
    `expected *, +, \\ or ${sign === END ? 'the end' : `"${sign}"`}, found ${shown(found)}`,
  expression_too_much: ({ found }) => `expected no more than that and ")", found ${shown(found)}`,
  expression_too_deep: ({ limit }) => `nested deeper than ${limit}`,
  expression_call_expected: ({ names, found }) => `expected ${names} or a parenthesis, found ${shown(found)}`,
  expression_text_expected: ({ what, found }) =>
    `expected ${TEXTS[what] ?? 'text'} in quotes, found ${shown(found)}`,
  expression_id_expected: ({ what, found }) =>
    `a ${what} is named by its id, a UUID,${what === 'message' ? ' or is "any",' : ''} not ${found}`,
  expression_segment_unknown: ({ found }) => `this app has no segment ${found}`,
  expression_word_expected: ({ what, allowed, found }) =>
    `expected ${WORDS[what] ?? 'a word'} (${allowed}), found ${shown(found)}`,
  expression_whole_expected: ({ found }) => `expected a whole number, found ${shown(found)}`,
  expression_truth_expected: ({ found }) =>
    `expected true or false (with tokens alone), found ${shown(found)}`,
  expression_value_expected: ({ found }) =>
    `expected text in quotes, a number, true or false, found ${shown(found)}`,
  expression_other_app: ({ found, app }) =>
    `${found} is another application; an expression is over one, here "${app}"`,
  expression_list_empty: () => 'expected a list with at least one value, found []',
  expression_pair_expected: () => 'expected a list of two, [from, to]',
  expression_days_never: () => 'nothing is less than 0 days ago',
  expression_twice: ({ name }) => `${name} stands here twice`,
  expression_number_large: ({ found }) => `${found} is larger than any number`,
  expression_order_open: ({ sign, before }) =>
    `"${sign}" after "${before}" can be read in two ways; put parentheses around what belongs together`,
  expression_groups: () => 'there are no groups of applications; write A("…") for this one',
  expression_updated: () => 'Updated(…) is documented without its arguments; write F("lastSeenAt", …)',
}

function shown(found: string | number): string {
  return found === END ? 'the end' : String(found)
}

/** `place`: in characters, from 1. Throws `condition_invalid` naming it. */
export function refuseAt<Code extends ExpressionFaultCode>(
  place: number,
  code: Code,
  values: ExpressionFaultValues<Code>,
): never {
  refuseAs(place, SENTENCES[code](values), { code, values })
}

/** A fault of the condition that a part of an expression means. */
export function refuseAs(
  place: number,
  text: string,
  { code, values }: Pick<FieldFault, 'code' | 'values'>,
): never {
  throw new PushError('condition_invalid', `expression, character ${place}: ${text}`, {
    faults: [{ code, place: 'body/expression', values: { ...values, character: place }, text }],
  })
}
