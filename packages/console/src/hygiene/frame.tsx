/** The head of the pages of hygiene, with the way from one to the other. */
import { Link } from '@tanstack/react-router'
import type { ReactElement, ReactNode } from 'react'
import { useTexts } from '../i18n/language.tsx'
import { PageHead } from '../parts/page.tsx'
import { ReadOnlyMark, useAppCode } from '../session/session.tsx'
import css from './hygiene.module.css'

const PAGES = [
  { label: 'tab.alerts', to: '/apps/$app/hygiene' },
  { label: 'tab.ages', to: '/apps/$app/hygiene/ages' },
  { label: 'tab.removals', to: '/apps/$app/hygiene/removals' },
  { label: 'tab.jobs', to: '/apps/$app/hygiene/jobs' },
] as const

export interface FrameProps {
  /** The actions of the page. */
  readonly actions?: ReactNode
  readonly children: ReactNode
}

export function HygieneFrame({ actions, children }: FrameProps): ReactElement {
  const t = useTexts('hygiene')
  const app = useAppCode()
  return (
    <>
      <PageHead title={t('title')} about={t('about')}>
        <ReadOnlyMark right="manage" />
        {actions}
      </PageHead>
      <nav aria-label={t('title')} className={css.tabs}>
        {PAGES.map(({ label, to }) => (
          <Link
            key={to}
            to={to}
            params={{ app }}
            className={css.tab}
            activeOptions={{ exact: to === '/apps/$app/hygiene', includeSearch: false }}
          >
            {t(label)}
          </Link>
        ))}
      </nav>
      {children}
    </>
  )
}
