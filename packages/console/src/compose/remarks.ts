/** What the server has to say of a message before it is sent, as a sentence in the reader's language, with the name of its field. */
import type { Remark } from '@roost/protocol'
import { useDeviceLooks } from '../devices/looks.ts'
import { useFormat, useTexts } from '../i18n/language.tsx'
import type { Values } from '../i18n/translate.ts'
import { useLanguageName } from './language-name.ts'

/** In its own words where this console knows no such code. */
export function useRemark(): (remark: Remark) => string {
  const t = useTexts('compose')
  const format = useFormat()
  const looks = useDeviceLooks()
  const nameOf = useLanguageName()
  return ({ code, values, text }) => {
    const { gateway, language, bytes, limit, milliseconds } = values
    const where = [
      typeof gateway === 'string' ? looks.gateway(gateway) : '',
      typeof language === 'string' && language !== '' ? nameOf(language) : '',
    ].filter(it => it !== '')
    const shown: Values = {
      ...values,
      ...signsOf(values),
      where: where.join(', '),
      // of an image; of a payload each byte counts
      ...(code.startsWith('image') && {
        bytes: format.bytes(Number(bytes)),
        limit: format.bytes(Number(limit)),
      }),
      seconds: Math.ceil(Number(milliseconds ?? 0) / 1000),
    }
    const key = `remark.${code}${values.isAbout === 1 ? '.about' : ''}`
    const said = t.known(key, shown)
    if (said === undefined) return text
    const { line, column } = values
    return line === undefined ? said : `${said} ${t('remark.at', { line, column })}`
  }
}

/** Braces are signs of the texts themselves, so they are given to them. */
function signsOf({ written, end }: Remark['values']): Values {
  return {
    close: String(written).startsWith('{%') ? '%}' : '}}',
    end: end === undefined ? '' : `{% ${end} %}`,
    example: 'tags["First Name"]',
  }
}

/** The name of the field, for where the field itself is not in sight. */
export function usePlaceName(): (remark: Pick<Remark, 'place' | 'variant'>) => string | undefined {
  const t = useTexts('compose')
  const looks = useDeviceLooks()
  const nameOf = useLanguageName()
  return ({ place, variant }) => {
    if (place === null) return undefined
    const parts = place
      .replace(/^message\//, '')
      .split('/')
      .slice(1)
    const [first = '', second = ''] = parts
    const names = [
      variant === undefined ? undefined : t('variant', { name: variant }),
      first in GATEWAY_OF_PART
        ? looks.gateway(GATEWAY_OF_PART[first as keyof typeof GATEWAY_OF_PART])
        : undefined,
      languageIn(parts, nameOf),
      first === 'defaults' ? `${t('defaults')}: ${second}` : t.known(`field.${parts.at(-1) ?? ''}`),
    ].filter(it => it !== undefined)
    return names.length === 0 ? undefined : names.join(' · ')
  }
}

const GATEWAY_OF_PART = { apns: 'apns', fcm: 'fcm', webPush: 'webpush', hms: 'hms' } as const

function languageIn(parts: readonly string[], nameOf: (tag: string) => string): string | undefined {
  const language = parts[parts.indexOf('languages') + 1]
  return parts.includes('languages') && language !== undefined ? nameOf(language) : undefined
}
