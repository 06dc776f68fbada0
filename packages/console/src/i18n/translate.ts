/**
 * Texts with values in them: ICU messages over flat keys, each parsed once.
 *
 * Source: ICU MessageFormat (unicode-org.github.io/icu/userguide/format_parse/messages).
 */
import { IntlMessageFormat } from 'intl-messageformat'

export type Value = string | number | boolean | Date | null | undefined
export type Values = Readonly<Record<string, Value>>

/** `t('key', values)`; `t.rich` where parts of the text are elements; `t.known` for a key that comes from the server. */
export interface Translate<Key extends string> {
  (key: Key, values?: Values): string
  /** A tag `<a>…</a>` of the text is given to the function of that name; `{x}` may be an element. */
  readonly rich: <Node>(key: Key, values: RichValues<Node>) => string | Node | (string | Node)[]
  /** The text of a key that may not exist, such as the state of a newer server. */
  readonly known: (key: string, values?: Values) => string | undefined
}

/**
 * `t.known` of a key and values that both come from the server; `t` is undefined where the texts can't be had. Undefined also of a text that
 * wants a value which did not come: it can't be written.
 */
export function writeKnown(
  t: Pick<Translate<never>, 'known'> | undefined,
  key: string,
  values: Values,
): string | undefined {
  try {
    return t?.known(key, values)
  } catch {
    return undefined
  }
}

export type RichValues<Node> = Readonly<
  Record<string, Value | Node | ((chunks: readonly (string | Node)[]) => Node)>
>

export type Dictionary<Key extends string> = Readonly<Record<Key, string>>

/** A key without a text is shown as `⟦key⟧`, which the tests of the pages look for. */
export function createTranslate<Key extends string>(tag: string, texts: Dictionary<Key>): Translate<Key> {
  const parsed = new Map<string, IntlMessageFormat>()
  const messageFor = (text: string): IntlMessageFormat => {
    const known = parsed.get(text)
    if (known) return known
    const made = new IntlMessageFormat(text, tag)
    parsed.set(text, made)
    return made
  }
  const textOf = (key: string): string | undefined =>
    Object.hasOwn(texts, key) ? texts[key as Key] : undefined
  const write = (text: string, values: Values | undefined): string =>
    isPlain(text) ? text : endOnce(String(messageFor(text).format(values as Record<string, never>)))
  const known = (key: string, values?: Values): string | undefined => {
    const text = textOf(key)
    return text === undefined ? undefined : write(text, values)
  }
  return Object.assign((key: Key, values?: Values) => known(key, values) ?? `⟦${key}⟧`, {
    known,
    rich: <Node>(key: Key, values: RichValues<Node>) => {
      const text = textOf(key)
      if (text === undefined) return `⟦${key}⟧`
      const written = messageFor(text).format<Node>(values as never) as string | Node | (string | Node)[]
      const end = (part: string | Node) => (typeof part === 'string' ? endOnce(part) : part)
      return Array.isArray(written) ? written.map(end) : end(written)
    },
  })
}

/** A value may end in the point of an abbreviation, as Russian dates do ("23 нояб. 2026 г."), which ends the sentence, too. */
function endOnce(text: string): string {
  return text.replaceAll(/(?<=\p{L})\.\.(?=\s|$)/gu, '.')
}

/** Most texts hold nothing to fill in, and need no parser. An apostrophe may be ICU's quote. */
function isPlain(text: string): boolean {
  return !/[{<']/.test(text)
}
