/** What stands in place of a page that is on its way, that failed, or that there is none of. */
import { Alert, Button, Stack, Text } from '@mantine/core'
import { type ErrorComponentProps, useRouter } from '@tanstack/react-router'
import type { ReactElement } from 'react'
import { useTexts } from './i18n/language.tsx'
import { TextLink } from './parts/link.tsx'
import { Empty, Lines, PageHead, Panel } from './parts/page.tsx'

export function PagePending(): ReactElement {
  return <Lines count={8} />
}

/** The frame around it goes on working. */
export function PageCrash({ error, reset }: ErrorComponentProps): ReactElement {
  const t = useTexts('common')
  const router = useRouter()
  const retry = (): void => {
    reset()
    void router.invalidate()
  }
  return (
    <Alert color="red" variant="light" title={t('crash.title')} role="alert">
      <Stack gap={6} align="flex-start">
        <Text size="sm">{error instanceof Error ? error.message : String(error)}</Text>
        <Text size="sm" fw={600}>
          {t('crash.remedy')}
        </Text>
        <Button size="xs" variant="default" onClick={retry}>
          {t('retry')}
        </Button>
      </Stack>
    </Alert>
  )
}

export function PageNotFound(): ReactElement {
  const t = useTexts('common')
  return (
    <>
      <PageHead title={t('notFound.title')} />
      <Panel>
        <Empty title={t('notFound.body')}>
          <TextLink to="/">{t('notFound.start')}</TextLink>
        </Empty>
      </Panel>
    </>
  )
}
