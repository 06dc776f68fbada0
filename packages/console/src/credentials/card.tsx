/** One credential, with what can be done about it. */
import { Alert, Badge, Button, Group, Stack, Text } from '@mantine/core'
import { type ReactElement, useState } from 'react'
import { useCredentialChange, useCredentialHistory } from '../api/queries.ts'
import type { Credential, CredentialCheck, CredentialProblem } from '../api/shapes.ts'
import { nameOfGateway } from '../devices/looks.ts'
import { formatDay } from '../format.ts'
import { Ago } from '../parts/ago.tsx'
import { Loaded, Panel, Problem } from '../parts/page.tsx'
import { formatRoute } from '../route.ts'
import { nameOfKind, tellExpiry, tellSettings } from './credential.ts'
import { CredentialForm } from './form.tsx'

export interface CardProps {
  readonly app: string
  readonly credential: Credential
}

type Opened = 'replace' | 'history' | 'delete' | undefined

export function CredentialCard({ app, credential }: CardProps): ReactElement {
  const [opened, setOpened] = useState<Opened>()
  const check = useCredentialChange(app, api => api.checkCredential(app, credential.id))
  const toggle = (wanted: Opened) => () => setOpened(opened === wanted ? undefined : wanted)
  return (
    <Panel
      title={`${nameOfGateway(credential.gateway)} · ${nameOfKind(credential.kind)}`}
      aside={<Marks credential={credential} />}
    >
      <Stack gap="sm">
        <Text size="sm" ff="monospace" style={{ overflowWrap: 'anywhere' }}>
          {tellSettings(credential)}
        </Text>
        <Facts credential={credential} />
        {credential.problems.map(each => (
          <ProblemAlert key={`${each.code} ${each.environment ?? ''}`} problem={each} />
        ))}
        <Checks checks={credential.checks} />
        {check.error && <Problem error={check.error} title="It could not be checked" />}
        <Group gap="xs">
          {/* A push service can't be asked without a subscription. */}
          {credential.gateway !== 'webpush' && (
            <Button
              size="xs"
              variant="default"
              loading={check.isPending}
              onClick={() => check.mutate(undefined)}
            >
              Check now
            </Button>
          )}
          <Button
            size="xs"
            variant="default"
            component="a"
            href={formatRoute({ page: 'push-test', app, credential: credential.id, hwid: '' })}
          >
            Send a test
          </Button>
          <Button
            size="xs"
            variant="default"
            aria-expanded={opened === 'replace'}
            onClick={toggle('replace')}
          >
            Replace
          </Button>
          <Button
            size="xs"
            variant="default"
            aria-expanded={opened === 'history'}
            onClick={toggle('history')}
          >
            History
          </Button>
          <Button size="xs" variant="subtle" color="red" onClick={toggle('delete')}>
            Delete
          </Button>
        </Group>
        {opened === 'replace' && (
          <CredentialForm app={app} replaces={credential} onDone={() => setOpened(undefined)} />
        )}
        {opened === 'history' && <HistoryOf app={app} id={credential.id} />}
        {opened === 'delete' && (
          <Deletion app={app} credential={credential} onDone={() => setOpened(undefined)} />
        )}
      </Stack>
    </Panel>
  )
}

function Marks({ credential }: { readonly credential: Credential }): ReactElement {
  const isPaused = credential.status === 'paused'
  return (
    <Group gap={6}>
      {credential.environments.map(each => (
        <Badge key={each} variant="outline" color="gray" size="sm" tt="none">
          {each}
        </Badge>
      ))}
      <Badge variant="light" color={isPaused ? 'red' : 'teal'} size="sm" tt="none">
        {credential.status}
      </Badge>
    </Group>
  )
}

function Facts({ credential }: { readonly credential: Credential }): ReactElement {
  const { expiresAt, version, updatedAt, checkedAt } = credential
  const expiry = tellExpiry(expiresAt, Date.now())
  return (
    <Group gap="md" fz="sm" c="dimmed" style={{ rowGap: 2 }}>
      {expiry ? (
        <Text span size="sm" c={expiry.color} fw={expiry.color === 'dimmed' ? undefined : 600}>
          {expiry.words}, {formatDay(expiresAt ?? '')}
        </Text>
      ) : (
        <span>does not expire</span>
      )}
      <span>
        {version === 1 ? 'added' : `replaced ${version - 1} ${version === 2 ? 'time' : 'times'}, last`}{' '}
        <Ago at={updatedAt} />
      </span>
      <span>
        {checkedAt ? (
          <>
            checked <Ago at={checkedAt} />
          </>
        ) : (
          'never checked'
        )}
      </span>
    </Group>
  )
}

function ProblemAlert({ problem }: { readonly problem: CredentialProblem }): ReactElement {
  return (
    <Alert color={problem.severity === 'error' ? 'red' : 'orange'} variant="light" py="xs">
      <Text size="sm">{problem.message}</Text>
      <Text size="sm" fw={600}>
        {problem.remedy}
      </Text>
    </Alert>
  )
}

const CHECK_WORDS: Readonly<Record<CredentialCheck['outcome'], { text: string; color: string }>> = {
  accepted: { text: 'the gateway takes it', color: 'teal' },
  refused: { text: 'the gateway refuses it', color: 'red' },
  unreachable: { text: 'the gateway could not be asked', color: 'orange' },
}

function Checks({ checks }: { readonly checks: readonly CredentialCheck[] }): ReactElement | null {
  if (checks.length === 0) return null
  return (
    <Group gap="md" fz="sm">
      {checks.map(({ environment, outcome, reason, at }) => (
        <span key={environment ?? ''}>
          {environment && `${environment}: `}
          <Text span size="sm" c={CHECK_WORDS[outcome].color} fw={600}>
            {CHECK_WORDS[outcome].text}
          </Text>
          {reason && ` (${reason})`}{' '}
          <Text span size="sm" c="dimmed">
            <Ago at={at} />
          </Text>
        </span>
      ))}
    </Group>
  )
}

function HistoryOf({ app, id }: { readonly app: string; readonly id: string }): ReactElement {
  const query = useCredentialHistory(app, id)
  return (
    <Loaded query={query} lines={2}>
      {entries => (
        <Stack gap={4} component="ul" m={0} pl="md">
          {entries.map(({ at, event, by, version, reason }) => (
            <Text key={`${at} ${event}`} component="li" size="sm">
              <b>{event}</b> by {by} <Ago at={at} />
              {event !== 'deleted' && ` · version ${version}`}
              {reason && ` · ${reason}`}
            </Text>
          ))}
        </Stack>
      )}
    </Loaded>
  )
}

function Deletion({ app, credential, onDone }: CardProps & { readonly onDone: () => void }): ReactElement {
  const change = useCredentialChange(app, api => api.deleteCredential(app, credential.id))
  return (
    <Alert color="red" variant="light" title="Delete this credential?">
      <Stack gap="xs" align="flex-start">
        <Text size="sm">
          What is sent with it stops. To change a key or a renewed certificate use Replace: the slot and all
          that waits for it stay.
        </Text>
        {change.error && <Problem error={change.error} title="It was not deleted" />}
        <Group gap="xs">
          <Button size="xs" color="red" loading={change.isPending} onClick={() => change.mutate(undefined)}>
            Delete for good
          </Button>
          <Button size="xs" variant="default" onClick={onDone}>
            Keep it
          </Button>
        </Group>
      </Stack>
    </Alert>
  )
}
