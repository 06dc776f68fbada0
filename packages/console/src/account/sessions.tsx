/** Where one is signed in, and the end of it. */
import { Button, Group, Stack, Text } from '@mantine/core'
import type { SessionView } from '@roost/protocol'
import type { ReactElement } from 'react'
import { path } from '../api/client.ts'
import { useAnswer, useChange } from '../api/use-api.ts'
import { useFormat, useTexts } from '../i18n/language.tsx'
import { Loaded, Panel } from '../parts/page.tsx'
import { Problem } from '../parts/problem.tsx'
import { StateBadge } from '../parts/state-badge.tsx'
import { readAgent } from './agent.ts'

const KEY = ['me', 'sessions']

export function SessionsPanel(): ReactElement {
  const t = useTexts('access')
  const sessions = useAnswer<{ readonly sessions: readonly SessionView[] }>({
    key: KEY,
    path: 'v1/me/sessions',
  })
  /** One of them, or all but this one. */
  const end = useChange<string | undefined>({
    call: (api, id) => api.delete(id === undefined ? 'v1/me/sessions' : path`v1/me/sessions/${id}`),
    touches: [KEY],
  })
  const hasOthers = (sessions.data?.sessions.length ?? 0) > 1
  return (
    <Panel
      title={t('sessions.title')}
      aside={
        hasOthers && (
          <Button size="xs" variant="default" loading={end.isPending} onClick={() => end.mutate(undefined)}>
            {t('sessions.endOthers')}
          </Button>
        )
      }
    >
      {end.error && <Problem error={end.error} title={t('sessions.failed')} />}
      <Loaded query={sessions}>
        {given => (
          <Stack gap="sm" component="ul" m={0} p={0} style={{ listStyle: 'none' }}>
            {given.sessions.map(each => (
              <Session key={each.id} session={each} onEnd={() => end.mutate(each.id)} />
            ))}
          </Stack>
        )}
      </Loaded>
    </Panel>
  )
}

interface SessionProps {
  readonly session: SessionView
  readonly onEnd: () => void
}

function Session({ session, onEnd }: SessionProps): ReactElement {
  const t = useTexts('access')
  const format = useFormat()
  const ago = format.ago(session.seenAt, Date.now())
  const known = session.agent === null ? undefined : readAgent(session.agent)
  return (
    <Group component="li" justify="space-between" gap="xs">
      <div style={{ minWidth: 0, flex: 1 }}>
        <Text size="sm" style={{ overflowWrap: 'anywhere' }}>
          {known ? t('sessions.agent', { ...known }) : (session.agent ?? session.client)}
        </Text>
        <Text size="xs" c="dimmed">
          {session.client} · {t('sessions.seen', { ago })}
        </Text>
      </div>
      {session.isThis ? (
        <StateBadge tone="good" label={t('sessions.this')} />
      ) : (
        <Button size="xs" variant="subtle" color="red" onClick={onEnd}>
          {t('sessions.end')}
        </Button>
      )}
    </Group>
  )
}
