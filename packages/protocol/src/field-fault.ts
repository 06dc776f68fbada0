/**
 * What is wrong with one field of a request, as a code with its values: whoever shows it beside the field writes the sentence in the
 * reader's own language. `text` says the same in English, for machines, and for whoever does not know the code.
 */
import { z } from 'zod'
import { EXPRESSION_FAULTS } from './expression-fault.ts'
import { choice } from './words.ts'

/** Sentences of schemas of ours, where the kind of an issue says less than they do. */
export const OWN_WORDS = {
  bundle_id: 'a bundle id like com.example.app',
  key_id: 'a key id is 10 capital letters and digits',
  team_id: 'a team id is 10 capital letters and digits',
  variant_name: '1 to 64 letters, digits, spaces, _, . and -',
  category_name: '1 to 64 letters, digits, _ and -',
  clock_time: 'a time like 22:00',
  local_time: 'a time on a clock, like 2027-03-28T09:00, without a zone',
  local_time_missing: 'there is no such day or time',
  quiet_never: 'from and to are the same time; they would be quiet never, or always',
  time_zone: 'the IANA name of a time zone, like Europe/Rome',
  time_far: 'a time between the years 2000 and 2200',
  https_url: 'must be an https URL',
  image_url: 'an image needs an https URL, with no variable in its host',
  image_url_broken: 'an image needs an https URL',
  page_link: 'a link of a page or an app, like https://shop.example.com/ or shop://test',
  language_tag: 'a language as in "pt" or "pt-BR"',
  languages_twice: 'one language is there twice; case makes no difference',
} as const satisfies Record<string, string>

/** Each with the names of its values. More may come. */
export const FIELD_FAULTS = {
  missing: [],
  empty: [],
  /** `expected`: text, number, whole, truth, list, object or other. */
  wrong_type: ['expected'],
  /** `unit`: characters, entries or fields. */
  too_long: ['limit', 'unit'],
  too_short: ['limit', 'unit'],
  too_big: ['limit'],
  too_small: ['limit'],
  /** `format`: uuid, url, date, datetime or other. */
  wrong_format: ['format'],
  wrong_choice: ['choices'],
  unknown_fields: ['names'],
  ...(Object.fromEntries(Object.keys(OWN_WORDS).map(it => [it, []])) as unknown as Record<
    keyof typeof OWN_WORDS,
    readonly []
  >),
  // of a credential's file or keys, as the package `gateways` finds them
  p8_not_a_key: [],
  p8_damaged: [],
  p8_wrong_key: [],
  p8_wrong_curve: [],
  p12_not_p12: [],
  p12_damaged: [],
  p12_unsupported: [],
  p12_wrong_password: [],
  pem_not_pem: [],
  pem_damaged: [],
  pem_wrong_password: [],
  certificate_missing: [],
  certificate_key_missing: [],
  certificate_key_mismatch: [],
  certificate_not_for_apns: [],
  certificate_unusable: [],
  certificate_other_app: ['bundleId'],
  certificate_other_environment: ['environments'],
  service_account_not_json: [],
  service_account_wrong_file: [],
  service_account_incomplete: [],
  service_account_key_damaged: [],
  service_account_key_weak: [],
  vapid_public_key: [],
  vapid_private_key: [],
  vapid_keys_differ: [],
  vapid_subject: [],
  vapid_half: [],
  ...EXPRESSION_FAULTS,
  /** What has no code: `text` alone says it. */
  other: [],
} as const satisfies Record<string, readonly string[]>
export type FieldFaultCode = keyof typeof FIELD_FAULTS

export const fieldFaultSchema = z.object({
  /** To test for; those of FIELD_FAULTS, and of newer servers others. */
  code: z.string(),
  /** "body/name", "querystring/limit"; "body" where it is about no field. */
  place: z.string(),
  values: z.record(z.string(), z.union([z.string(), z.number()])),
  text: z.string(),
})
export type FieldFault = z.infer<typeof fieldFaultSchema>

export type CodedFault = Pick<FieldFault, 'values'> & { readonly code: FieldFaultCode }

const CODE_OF_WORDS: ReadonlyMap<string, FieldFaultCode> = new Map(
  Object.entries(OWN_WORDS).map(([code, words]) => [words, code as FieldFaultCode]),
)
const TYPES: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'number',
  int: 'whole',
  boolean: 'truth',
  array: 'list',
  object: 'object',
  record: 'object',
}
const UNITS: Readonly<Record<string, string>> = { string: 'characters', array: 'entries', record: 'fields' }
const FORMATS: ReadonlySet<string> = new Set(['uuid', 'url', 'date', 'datetime'])
const CHOICES_TOLD = 20

/** The kind of an issue of zod, with its values. */
export function codeOfIssue(issue: z.core.$ZodIssue): CodedFault {
  const own = CODE_OF_WORDS.get(issue.message)
  if (own !== undefined) return { code: own, values: {} }
  switch (issue.code) {
    case 'invalid_type':
      return { code: 'wrong_type', values: { expected: TYPES[issue.expected] ?? 'other' } }
    case 'too_big':
      return codeOfBound('too_long', 'too_big', issue.origin, Number(issue.maximum))
    case 'too_small':
      if (Number(issue.minimum) === 1 && issue.origin in UNITS) return { code: 'empty', values: {} }
      return codeOfBound('too_short', 'too_small', issue.origin, Number(issue.minimum))
    case 'invalid_format':
      return FORMATS.has(issue.format)
        ? { code: 'wrong_format', values: { format: issue.format } }
        : { code: 'other', values: {} }
    case 'invalid_value':
      return {
        code: 'wrong_choice',
        values: { choices: choice(issue.values.slice(0, CHOICES_TOLD).map(String)) },
      }
    case 'unrecognized_keys':
      return { code: 'unknown_fields', values: { names: issue.keys.slice(0, 5).join(', ').slice(0, 200) } }
    case 'custom':
      return codeOfCustom(issue.params)
    case 'invalid_union':
    case 'invalid_key':
    case 'invalid_element':
    case 'not_multiple_of':
      return { code: 'other', values: {} }
  }
}

/** `params.coded`: what a check of ours has found inside. */
function codeOfCustom(params: Readonly<Record<string, unknown>> | undefined): CodedFault {
  return (params?.coded as CodedFault | undefined) ?? { code: 'other', values: {} }
}

function codeOfBound(
  counted: 'too_long' | 'too_short',
  measured: 'too_big' | 'too_small',
  origin: string,
  limit: number,
): CodedFault {
  const unit = UNITS[origin]
  return unit === undefined
    ? { code: measured, values: { limit } }
    : { code: counted, values: { limit, unit } }
}
