/**
 * Search parameters as plain text. The router's own way reads JSON out of them, and a user id `1e5` became 100000.
 */

export type RawSearch = Readonly<Record<string, unknown>>

export function parseSearch(text: string): Record<string, string> {
  return Object.fromEntries(new URLSearchParams(text))
}

export function stringifySearch(search: RawSearch): string {
  const given = Object.entries(search).filter(([, value]) => value !== undefined && value !== '')
  const text = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString()
  return text && `?${text}`
}

/** The parameters of a page that are text; what is empty or of another page is left out. */
export function texts<Name extends string>(
  ...names: readonly Name[]
): (given: RawSearch) => { readonly [Each in Name]?: string } {
  return given => {
    const kept = names.flatMap(name => {
      const value = given[name]
      return typeof value === 'string' && value !== '' ? [[name, value] as const] : []
    })
    return Object.fromEntries(kept) as { readonly [Each in Name]?: string }
  }
}

/** One of a few words, or else nothing. */
export function oneOf<Word extends string>(value: unknown, words: readonly Word[]): Word | undefined {
  return words.find(word => word === value)
}
