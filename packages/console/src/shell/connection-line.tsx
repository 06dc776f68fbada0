/** Says that the server does not answer, for as long as it doesn't. Nothing on the page goes away meanwhile. */
import { createContext, type ReactElement, useContext, useSyncExternalStore } from 'react'
import type { Reachability } from '../api/reachability.ts'
import { useTexts } from '../i18n/language.tsx'
import css from './shell.module.css'

export const ReachabilityContext = createContext<Reachability | undefined>(undefined)

export function ConnectionLine(): ReactElement | null {
  const t = useTexts('common')
  const reachability = useContext(ReachabilityContext)
  if (!reachability) throw new Error('This component stands outside ReachabilityContext')
  const isLost = useSyncExternalStore(reachability.subscribe, reachability.isLost)
  return (
    <div role="status" aria-live="assertive">
      {isLost && <p className={css.lost}>{t('connection.lost')}</p>}
    </div>
  )
}
