/**
 * A refusal in the reader's language, by its code and values (texts/<language>/problems.ts).
 *
 * Some codes stand for many faults: what is wrong and where is in the server's own sentence alone, which is English, and is
 * shown beside the text of the code. It stands alone for a code that has no text, as of a newer server.
 */
import type { ProblemBody } from '../api/client.ts'
import { fieldOf, sayFault, sayRemedy } from '../api/faults.ts'
import { type Translate, writeKnown } from '../i18n/translate.ts'
import type { TextKey } from '../texts/areas.ts'

/** Codes whose sentence says more than their text. */
const SAID_BY_SERVER: ReadonlySet<string> = new Set([
  'address_malformed',
  'alert_decided',
  'body_malformed',
  'condition_invalid',
  'credential_invalid',
  'image_refused',
  'import_moved',
  'input_invalid',
  'list_in_use',
  'message_not_editable',
  'message_over',
  'message_too_large',
  'not_allowed',
  'platform_unsupported',
  'second_factor_state',
  'segment_in_use',
  'webhook_url_refused',
])

/** Undefined is the reader's language. */
export interface Line {
  readonly text: string
  readonly lang?: 'en'
}

export interface ProblemWords {
  /** In the reader's language; undefined where only the server says it. */
  readonly what: string | undefined
  /** More of it; undefined where `what` says the same. */
  readonly said: Line | undefined
  readonly remedy: Line
}

export function wordsOf(
  body: ProblemBody,
  t: Pick<Translate<TextKey<'problems'>>, 'known'> | undefined,
): ProblemWords {
  const { code, detail, retryAfterSeconds } = body
  const values = {
    ...(retryAfterSeconds !== undefined && { seconds: retryAfterSeconds }),
    ...body.values,
  }
  const say = (key: string | undefined): string | undefined => key && writeKnown(t, key, values)
  const what = say(code)
  const faults = what === undefined ? undefined : faultsTold(body, t)
  const remedy = sayRemedy(code, t, values)
  return {
    what,
    said:
      faults ?? (what === undefined || SAID_BY_SERVER.has(code) ? { text: detail, lang: 'en' } : undefined),
    remedy: remedy === undefined ? { text: body.remedy, lang: 'en' } : { text: remedy },
  }
}

/** Of single fields, each with its place; undefined where none is named. */
function faultsTold(
  body: ProblemBody,
  t: Pick<Translate<TextKey<'problems'>>, 'known'> | undefined,
): Line | undefined {
  const { code, faults = [] } = body
  if (faults.length === 0) return undefined
  const told = faults.map(fault => {
    const field = code === 'credential_invalid' ? '' : fieldOf(fault)
    return field === '' ? sayFault(fault, t) : `${field}: ${sayFault(fault, t)}`
  })
  return { text: told.join(' · ') }
}
