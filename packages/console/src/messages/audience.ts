/** Whom a message is for, in words. */
import type { AudienceView } from '@roost/protocol'
import type { Translate } from '../i18n/translate.ts'
import type { TextKey } from '../texts/areas.ts'

export function writeAudience(
  t: Translate<TextKey<'messages'>>,
  { kind, name, count }: AudienceView,
): string {
  if (name !== null) return t.known(`audience.${kind}.named`, { name }) ?? name
  if (count !== null) return t.known(`audience.${kind}`, { count }) ?? String(count)
  return t.known(`audience.${kind}`) ?? kind
}
