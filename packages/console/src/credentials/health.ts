/**
 * What is wrong with a credential and what mends it, in the reader's language, by the codes of the server
 * (texts/<language>/credentialHealth.ts). What has no text, as of a newer server, is told in the server's own words.
 */
import type { CredentialProblem } from '../api/shapes.ts'
import type { Format } from '../i18n/format.ts'
import { type Translate, writeKnown } from '../i18n/translate.ts'
import type { TextKey } from '../texts/areas.ts'

export interface HealthTexts {
  /** Undefined where they can't be had. */
  readonly health: Translate<TextKey<'credentialHealth'>> | undefined
  readonly format: Pick<Format, 'moment'>
}

export interface HealthWords {
  readonly what: string
  readonly remedy: string
  /** `en` where the words are the server's; undefined is the reader's language. */
  readonly lang: 'en' | undefined
}

type Told = Pick<CredentialProblem, 'code' | 'message' | 'remedy'> &
  Partial<Pick<CredentialProblem, 'values'>>

/** Mended alike. */
const RENEWED: readonly string[] = ['certificate_expired', 'certificate_expiring', 'apns_certificate_refused']
const COMPARED: readonly string[] = ['apns_key_refused', 'apns_forbidden']

export function sayHealth(problem: Told, { health, format }: HealthTexts): HealthWords {
  const { code, message, remedy, values = {} } = problem
  const { expiresAt, part, reason } = values
  const moment = typeof expiresAt === 'string' ? { moment: format.moment(expiresAt) } : {}
  const what = writeKnown(health, code, { ...values, ...moment })
  const mends = writeKnown(health, `${remedyOf(code)}.remedy`, values)
  if (what === undefined || mends === undefined) return { what: message, remedy, lang: 'en' }
  const where =
    typeof part === 'string' && part !== ''
      ? ` (${writeKnown(health, `environment.${part}`, {}) ?? part})`
      : ''
  const said = reason === undefined || reason === code ? '' : ` [${reason}]`
  return { what: `${what}${where}${said}`, remedy: mends, lang: undefined }
}

function remedyOf(code: string): string {
  if (RENEWED.includes(code)) return 'renew'
  return COMPARED.includes(code) ? 'compare' : code
}
