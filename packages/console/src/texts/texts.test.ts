/** What the compiler can't see of the texts: the same values in each language, and the plurals that it has. */
import { readdirSync } from 'node:fs'
import { type MessageFormatElement, parse, TYPE } from '@formatjs/icu-messageformat-parser'
import { describe, expect, test } from 'vitest'
import { LOCALES } from '../i18n/locale.ts'

const areas = readdirSync(new URL('en', import.meta.url)).sort()

async function textsOf(locale: string, area: string): Promise<Readonly<Record<string, string>>> {
  const file = (await import(`./${locale}/${area.replace('.ts', '')}.ts`)) as {
    readonly texts: Readonly<Record<string, string>>
  }
  return file.texts
}

/** What a text wants to be given, with how it is used: `count:plural`, `a:tag`. */
function wantedBy(elements: readonly MessageFormatElement[]): string[] {
  return elements.flatMap(element => {
    if (element.type === TYPE.tag) return [`${element.value}:tag`, ...wantedBy(element.children)]
    if (element.type === TYPE.plural || element.type === TYPE.select)
      return [element.value, ...Object.values(element.options).flatMap(({ value }) => wantedBy(value))]
    return element.type === TYPE.literal || element.type === TYPE.pound ? [] : [element.value]
  })
}

/** The forms that each plural lacks in its language. */
function formsMissing(locale: string, elements: readonly MessageFormatElement[]): string[] {
  return elements.flatMap(element => {
    if (element.type === TYPE.tag) return formsMissing(locale, element.children)
    if (element.type !== TYPE.plural && element.type !== TYPE.select) return []
    const inner = Object.values(element.options).flatMap(({ value }) => formsMissing(locale, value))
    if (element.type === TYPE.select) return inner
    const forms = new Intl.PluralRules(locale, { type: element.pluralType ?? 'cardinal' }).resolvedOptions()
    // "many" of Portuguese is for whole millions written as words, which "other" says as well
    const wanted = forms.pluralCategories.filter(form => locale !== 'pt' || form !== 'many')
    return [...wanted.filter(form => !(form in element.options)), ...inner]
  })
}

describe.each(LOCALES)('the texts in %s', locale => {
  test('are of the same areas as the English ones', () => {
    expect(readdirSync(new URL(locale, import.meta.url)).sort()).toEqual(areas)
  })

  test.each(areas)('of %s have the same keys, values and tags, and no text is empty', async area => {
    const english = await textsOf('en', area)
    const texts = await textsOf(locale, area)
    expect(Object.keys(texts).sort()).toEqual(Object.keys(english).sort())
    for (const [key, text] of Object.entries(texts)) {
      const wanted = (each: string): string[] => [...new Set(wantedBy(parse(each)))].sort()
      expect(text.trim(), `${area} ${key}`).not.toBe('')
      expect(wanted(text), `${area} ${key}`).toEqual(wanted(english[key] ?? ''))
      expect(formsMissing(locale, parse(text)), `${area} ${key}`).toEqual([])
    }
  })
})
