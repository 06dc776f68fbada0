/** The words of a content: those for all, and what languages and gateways have in their place. */

/** In the order in which a phone shows them. */
const SHOWN = ['title', 'subtitle', 'body', 'image', 'url', 'sound', 'badge'] as const
const GATEWAYS = { apns: 'apns', fcm: 'fcm', webPush: 'webpush', hms: 'hms' } as const

export interface Worded {
  /** Undefined: of all languages that have none of their own. */
  readonly language: string | undefined
  readonly gateway: string | undefined
  readonly words: readonly (readonly [name: string, value: string])[]
}

/** Empty for a message that shows nothing. */
export function wordsOf(content: unknown): readonly Worded[] {
  const whole = objectOf(content)
  const parts = [
    { gateway: undefined, part: whole },
    ...Object.entries(GATEWAYS).map(([key, gateway]) => ({ gateway, part: objectOf(whole[key]) })),
  ]
  return parts
    .flatMap(({ gateway, part }) => [
      { language: undefined, gateway, words: shownIn(part) },
      ...Object.entries(objectOf(part.languages)).map(([language, words]) => ({
        language,
        gateway,
        words: shownIn(objectOf(words)),
      })),
    ])
    .filter(({ words }) => words.length > 0)
}

function shownIn(part: Readonly<Record<string, unknown>>): Worded['words'] {
  return SHOWN.flatMap(name => {
    const value = part[name]
    return typeof value === 'string' || typeof value === 'number' ? [[name, String(value)] as const] : []
  })
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {}
}
