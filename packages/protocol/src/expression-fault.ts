/**
 * What is wrong with an expression of the segment language: the codes of its faults, each with the names of its values. Whoever shows
 * it beside the expression writes the sentence in the reader’s language; docs/segments.md has the language itself.
 *
 * All have `character` besides: where in the expression it is, counted from 1. `found` is what stands there, in quotes, or `end`.
 */
export const EXPRESSION_FAULTS = {
  expression_quote_open: [],
  expression_character_unknown: ['found'],
  /** `sign`: `,` `(` `)` `[` or `]`. */
  expression_sign_expected: ['sign', 'found'],
  /** A comma, or the sign that ends a list. */
  expression_comma_expected: ['sign', 'found'],
  /** `*`, `+`, `\`, or what ends it: `sign` is `)` or `end`. */
  expression_join_expected: ['sign', 'found'],
  /** A call has all that it takes. */
  expression_too_much: ['found'],
  expression_too_deep: ['limit'],
  /** `names`: of all calls. */
  expression_call_expected: ['names', 'found'],
  /** Text in quotes; `what`: tag, app, segment, segment_id, list, event or message. */
  expression_text_expected: ['what', 'found'],
  /** A UUID; `what`: segment, list or message. */
  expression_id_expected: ['what', 'found'],
  expression_segment_unknown: ['found'],
  /** `what`: field, operator, day_operator, platform, fate or limit; `allowed`: those that there are. */
  expression_word_expected: ['what', 'allowed', 'found'],
  expression_whole_expected: ['found'],
  expression_truth_expected: ['found'],
  /** Text in quotes, a number, true or false. */
  expression_value_expected: ['found'],
  /** An expression is over one application, `app`. */
  expression_other_app: ['found', 'app'],
  expression_list_empty: [],
  /** [from, to]. */
  expression_pair_expected: [],
  /** Less than 0 days ago. */
  expression_days_never: [],
  expression_twice: ['name'],
  expression_number_large: ['found'],
  /** `sign` after `before` can be read in two ways. */
  expression_order_open: ['sign', 'before'],
  /** G(…): there are no groups of applications. */
  expression_groups: [],
  /** Updated(…) is documented without its arguments. */
  expression_updated: [],
} as const satisfies Record<string, readonly string[]>
export type ExpressionFaultCode = keyof typeof EXPRESSION_FAULTS

export type ExpressionFaultValues<Code extends ExpressionFaultCode> = Readonly<
  Record<(typeof EXPRESSION_FAULTS)[Code][number], string | number>
>
