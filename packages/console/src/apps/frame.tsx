/** Around all pages of an app: what holds on each of them, and one page in their place where there is no such app. */
import { Alert } from '@mantine/core'
import { Outlet } from '@tanstack/react-router'
import type { ReactElement } from 'react'
import { useFormat, useTexts } from '../i18n/language.tsx'
import { ButtonLink, TextLink } from '../parts/link.tsx'
import { Empty, PageHead, Panel } from '../parts/page.tsx'
import { useAppCode } from '../session/session.tsx'
import { useApps, useIsKnown } from './calls.ts'

export function AppFrame(): ReactElement {
  const app = useAppCode()
  if (useIsKnown(app) === false) return <UnknownApp code={app} />
  return (
    <>
      <ArchivedLine app={app} />
      <Outlet />
    </>
  )
}

/** The same words for an app that somebody has no role in: nobody is told which there are. */
function UnknownApp({ code }: { readonly code: string }): ReactElement {
  const t = useTexts('common')
  return (
    <>
      <PageHead title={t('app.unknown.title')} />
      <Panel>
        <Empty
          title={t('app.unknown.code', { code: unbroken(code.slice(0, 64)) })}
          action={<ButtonLink to="/apps">{t('app.unknown.go')}</ButtonLink>}
        >
          {t('app.unknown.body')}
        </Empty>
      </Panel>
    </>
  )
}

/** A code is one word, also at the end of a line. */
function unbroken(code: string): string {
  return code.replaceAll('-', '\u2011')
}

function ArchivedLine({ app }: { readonly app: string }): ReactElement | null {
  const t = useTexts('common')
  const format = useFormat()
  const archivedAt = useApps().data?.find(({ code }) => code === app)?.archivedAt ?? null
  if (archivedAt === null) return null
  return (
    <Alert color="orange" variant="light" mb="md" py="xs" role="status">
      {t('app.archived', { day: format.day(archivedAt) })}{' '}
      <TextLink to="/apps/$app/settings" params={{ app }} fz="inherit" c="inherit" td="underline">
        {t('app.archived.go')}
      </TextLink>
    </Alert>
  )
}
