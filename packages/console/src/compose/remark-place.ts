/** At which field of the page belongs what the server has to say of a place in the body of a message. */
import type { Remark } from '@roost/protocol'

/** As the fields of the page name their places: "content.languages.de.title". `variants` are the names of those there are. */
export function placeOf(
  remark: Pick<Remark, 'place' | 'variant'>,
  variants: readonly string[],
): string | undefined {
  if (remark.place === null) return undefined
  const place = remark.place.replace(/^message\//, '').replaceAll('/', '.')
  const at = remark.variant === undefined ? -1 : variants.indexOf(remark.variant)
  if (at < 0) return place
  const [field] = place.split('.').slice(1)
  const isOwn = place === 'content.title' || place === 'content.body'
  return `experiment.variants.${at}.${isOwn ? field : 'content'}`
}

/** The language in whose texts the place lies. */
export function languageOfPlace(place: string): string | undefined {
  return /^content\.languages\.([^.]+)/.exec(place)?.[1]
}
