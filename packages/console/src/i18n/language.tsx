/** The reader's language, kept between visits, and what pages write with: `useTexts` and `useFormat`. */
import {
  createContext,
  type ReactElement,
  type ReactNode,
  startTransition,
  use,
  useCallback,
  useContext,
  useEffect,
  useMemo,
  useState,
} from 'react'
import type { Area, TextKey, TextsOf } from '../texts/areas.ts'
import { createFormat, type Format } from './format.ts'
import { chooseLocale, type Locale, tagFor } from './locale.ts'
import { loadLanguage, loadTexts } from './text-store.ts'
import { createTranslate, type Translate } from './translate.ts'

const STORAGE_KEY = 'roost.language'

interface Language {
  readonly locale: Locale
  readonly format: Format
  readonly choose: (locale: Locale) => Promise<void>
}

const LanguageContext = createContext<Language | undefined>(undefined)

/** The language to begin with. */
export function initialLocale(): Locale {
  return chooseLocale(localStorage.getItem(STORAGE_KEY), navigator.languages)
}

export interface LanguageProviderProps {
  readonly initial: Locale
  readonly children: ReactNode
}

export function LanguageProvider({ initial, children }: LanguageProviderProps): ReactElement {
  const [locale, setLocale] = useState(initial)
  useEffect(() => {
    document.documentElement.lang = locale
  }, [locale])
  const choose = useCallback(async (next: Locale) => {
    await loadLanguage(next)
    localStorage.setItem(STORAGE_KEY, next)
    startTransition(() => setLocale(next))
  }, [])
  const language = useMemo(
    () => ({ locale, choose, format: createFormat(tagFor(locale, navigator.languages)) }),
    [locale, choose],
  )
  return <LanguageContext value={language}>{children}</LanguageContext>
}

export function useLanguage(): Language {
  const language = useContext(LanguageContext)
  if (!language) throw new Error('This component stands outside LanguageProvider')
  return language
}

export function useFormat(): Format {
  return useLanguage().format
}

/** The texts of an area. Suspends until they are there; the route table loads them along with the page. */
export function useTexts<A extends Area>(area: A): Translate<TextKey<A>> {
  const { locale, format } = useLanguage()
  const texts = use(loadTexts(locale, area))
  return useMemo(() => createTranslate<TextKey<A>>(format.tag, texts), [format, texts])
}

export interface LateTexts<Key extends string> {
  /** Undefined until they are there, and when they can't be had. */
  readonly t: Translate<Key> | undefined
  readonly isSettled: boolean
}

/** Texts that no page loads along with itself. Nothing is loaded without an area. */
export function useLateTexts<A extends Area>(area: A | undefined): LateTexts<TextKey<A>> {
  const { locale, format } = useLanguage()
  const [late, setLate] = useState<{ readonly locale: Locale; readonly texts?: TextsOf<A> }>()
  useEffect(() => {
    if (area === undefined) return undefined
    let isWanted = true
    const settle = (found: { readonly texts?: TextsOf<A> }): void => {
      if (isWanted) setLate({ locale, ...found })
    }
    loadTexts(locale, area).then(
      texts => settle({ texts }),
      () => settle({}),
    )
    return () => {
      isWanted = false
    }
  }, [locale, area])
  return useMemo(() => {
    const texts = late?.locale === locale ? late.texts : undefined
    return {
      t: texts && createTranslate<TextKey<A>>(format.tag, texts),
      isSettled: late?.locale === locale,
    }
  }, [format, late, locale])
}
