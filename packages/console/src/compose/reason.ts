/** Why a device gets nothing, in words: the server writes `variable_missing: tags.Name`. */
import { useTexts } from '../i18n/language.tsx'

export function useReason(): (reason: string) => string {
  const t = useTexts('compose')
  return reason => {
    const [code = '', ...rest] = reason.split(': ')
    return t.known(`reason.${code}`, { detail: rest.join(': ') }) ?? reason
  }
}
