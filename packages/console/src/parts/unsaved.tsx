/** Asks before a page is left whose changes are not saved; closing the tab asks, too, in the browser's own words. */
import { useBlocker } from '@tanstack/react-router'
import type { ReactElement } from 'react'
import { useTexts } from '../i18n/language.tsx'
import { Confirm } from './confirm.tsx'

export function UnsavedGuard({ isDirty }: { readonly isDirty: boolean }): ReactElement {
  const t = useTexts('common')
  const blocker = useBlocker({
    // within the page only the search changes, which loses nothing
    shouldBlockFn: ({ current, next }) => isDirty && current.pathname !== next.pathname,
    enableBeforeUnload: () => isDirty,
    withResolver: true,
  })
  return (
    <Confirm
      isOpen={blocker.status === 'blocked'}
      title={t('unsaved.title')}
      verb={t('unsaved.leave')}
      keepVerb={t('unsaved.stay')}
      isDangerous
      onConfirm={() => blocker.proceed?.()}
      onClose={() => blocker.reset?.()}
    >
      {t('unsaved.body')}
    </Confirm>
  )
}
