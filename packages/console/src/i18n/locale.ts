/**
 * The languages of the console: which there are, what each calls itself, and which one a reader gets.
 *
 * Source: BCP 47 (RFC 5646) for tags, and RFC 4647 §3.4 for the look-up: a tag is shortened until one fits.
 */

export const LOCALES = ['en', 'zh', 'ja', 'pt', 'ru', 'hi'] as const
export type Locale = (typeof LOCALES)[number]

/** Each in its own language: who can't read the present one must find theirs. */
export const LOCALE_NAMES: Readonly<Record<Locale, string>> = {
  en: 'English',
  zh: '中文',
  ja: '日本語',
  pt: 'Português',
  ru: 'Русский',
  hi: 'हिन्दी',
}

/** The region whose numbers and dates are used where the browser names none. */
const REGIONS: Readonly<Record<Locale, string>> = {
  en: 'en-GB',
  zh: 'zh-CN',
  ja: 'ja-JP',
  pt: 'pt-BR',
  ru: 'ru-RU',
  hi: 'hi-IN',
}

export function isLocale(value: unknown): value is Locale {
  return LOCALES.some(locale => locale === value)
}

/** The language that was chosen before; else the browser's first that there is; else English. */
export function chooseLocale(kept: string | null, asked: readonly string[]): Locale {
  if (isLocale(kept)) return kept
  return asked.map(languageOf).find(isLocale) ?? 'en'
}

/** The tag for numbers and dates: the reader's own region of the language where the browser tells it. */
export function tagFor(locale: Locale, asked: readonly string[]): string {
  const own = asked.find(tag => tag.includes('-') && languageOf(tag) === locale)
  return own !== undefined && isWellFormed(own) ? own : REGIONS[locale]
}

function languageOf(tag: string): string {
  return tag.toLowerCase().split('-')[0] ?? ''
}

function isWellFormed(tag: string): boolean {
  try {
    return Intl.getCanonicalLocales(tag).length === 1
  } catch {
    return false
  }
}
