/** What was made of a draft. */
import { Button, Group, Stack, Text } from '@mantine/core'
import { useNavigate } from '@tanstack/react-router'
import { type ReactElement, useEffect } from 'react'
import { useFormat, useTexts } from '../i18n/language.tsx'
import { ButtonLink } from '../parts/link.tsx'
import { Empty, Panel } from '../parts/page.tsx'
import { useSchedule } from './calls.ts'
import type { Asked } from './request.ts'

interface SentProps {
  readonly app: string
  readonly made: { readonly kind: Asked['kind']; readonly id: string }
  readonly onAnother: () => void
}

/** A message goes on on its own page; of what recurs nothing has been sent yet. */
export function Sent({ app, made, onAnother }: SentProps): ReactElement {
  const t = useTexts('compose')
  const navigate = useNavigate()
  const { kind, id } = made
  useEffect(() => {
    if (kind === 'message')
      void navigate({ to: '/apps/$app/messages/$message', params: { app, message: id }, replace: true })
  }, [kind, id, app, navigate])
  return (
    <Panel>
      <Empty
        title={t(`made.${kind}`)}
        action={
          <Group justify="center" gap="xs">
            <Button variant="default" onClick={onAnother}>
              {t('made.another')}
            </Button>
            {kind === 'schedule' && (
              <ButtonLink to="/apps/$app/schedules/$schedule" params={{ app, schedule: id }}>
                {t('made.open')}
              </ButtonLink>
            )}
            {kind === 'trigger' && (
              <ButtonLink to="/apps/$app/triggers/$trigger" params={{ app, trigger: id }}>
                {t('made.open')}
              </ButtonLink>
            )}
          </Group>
        }
      >
        <Stack gap={4}>
          {t(`made.${kind}.body`)}
          {kind === 'schedule' && <NextRun app={app} id={id} />}
        </Stack>
      </Empty>
    </Panel>
  )
}

function NextRun({ app, id }: { readonly app: string; readonly id: string }): ReactElement | null {
  const t = useTexts('compose')
  const format = useFormat()
  const { data } = useSchedule(app, id)
  if (!data || data.nextRuns.length === 0) return null
  return (
    <Text size="sm">
      {t('made.next', { moments: format.list(data.nextRuns.slice(0, 3).map(format.moment)) })}
    </Text>
  )
}
