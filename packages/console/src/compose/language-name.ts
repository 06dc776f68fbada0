/** "Portuguese (Brazil)", in the reader's language; what is none as it was written. */
import { useLanguage } from '../i18n/language.tsx'

export function useLanguageName(): (tag: string) => string {
  const { format } = useLanguage()
  const names = new Intl.DisplayNames(format.tag, { type: 'language' })
  return tag => {
    try {
      return names.of(tag.replaceAll('_', '-')) ?? tag
    } catch {
      return tag
    }
  }
}
