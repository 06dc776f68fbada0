/** The catalogue of texts: what all languages have, and how a text is filled in. */
import type { DiagnosisOutcome, ReachStep, RuleId } from '@roost/protocol'
import { EN } from './en.ts'
import { HI } from './hi.ts'
import { JA } from './ja.ts'
import { PT } from './pt.ts'
import { RU } from './ru.ts'
import { ZH } from './zh.ts'

export type MessageKey = keyof typeof EN.messages
export type StepKey = keyof typeof EN.steps
export type UnseenKey = keyof typeof EN.unseen

/** One language. A key that is missing does not compile. */
export interface Texts {
  readonly messages: Readonly<Record<MessageKey, string>>
  readonly steps: Readonly<Record<StepKey, string>>
  readonly unseen: Readonly<Record<UnseenKey, string>>
  /** What a rule is about, in a few words: for tables, and where it concerns many devices. */
  readonly titles: Readonly<Record<RuleId, string>>
  readonly reach: Readonly<Record<ReachStep, string>>
  readonly outcomes: Readonly<Record<DiagnosisOutcome, string>>
  readonly words: Readonly<Record<keyof typeof EN.words, string>>
}

/** The words in braces of a text. */
type Placeholders<Text extends string> = Text extends `${string}{${infer Name}}${infer Rest}`
  ? Name | Placeholders<Rest>
  : never

/** What has to be put into a message. */
export type ParametersOf<Key extends MessageKey> = Readonly<
  Record<Placeholders<(typeof EN.messages)[Key]>, string | number>
>

/**
 * Says what is known of the parameters; a word without one stays as it is. What gateways say may be a whole sentence, with a
 * stop of its own, or nothing.
 */
export function fillIn(text: string, parameters: Readonly<Record<string, string | number>>): string {
  return text.replace(/( ?)\{(\w+)\}([.。।]?)/g, (whole, blank: string, name: string, stop: string) => {
    if (!Object.hasOwn(parameters, name)) return whole
    const value = String(parameters[name])
    if (value === '') return stop
    return `${blank}${value}${/[.。।]$/.test(value) ? '' : stop}`
  })
}

export const LANGUAGES: Readonly<Record<string, Texts>> = { en: EN, zh: ZH, ja: JA, pt: PT, ru: RU, hi: HI }

export interface Spoken {
  /** Of the texts: the one that was asked for, or the nearest. */
  readonly lang: string
  readonly texts: Texts
}

/** Of "pt-BR" or of a whole Accept-Language (RFC 9110 §12.5.4); English where none of them is there. */
export function textsFor(asked: string | undefined): Spoken {
  for (const lang of wantedIn(asked ?? '')) {
    const texts = Object.hasOwn(LANGUAGES, lang) ? LANGUAGES[lang] : undefined
    if (texts !== undefined) return { lang, texts }
  }
  return { lang: 'en', texts: EN }
}

/** Without regions, the most wanted first; a weight of 0 means "not this one". */
function wantedIn(asked: string): string[] {
  return asked
    .split(',')
    .map(part => {
      const [tag = '', ...options] = part.trim().toLowerCase().split(';')
      const weight = options.map(it => /^\s*q=([\d.]+)\s*$/.exec(it)?.[1]).find(it => it !== undefined)
      return {
        lang: tag.split(/[-_]/, 1)[0]?.trim() ?? '',
        weight: weight === undefined ? 1 : Number(weight),
      }
    })
    .filter(it => it.weight > 0)
    .sort((one, other) => other.weight - one.weight)
    .map(it => it.lang)
}
