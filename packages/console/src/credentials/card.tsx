/** One credential, with what can be done about it. */
import { Alert, Badge, Button, Group, Stack, Text } from '@mantine/core'
import { type ReactElement, useEffect, useRef, useState } from 'react'
import { path } from '../api/client.ts'
import type { Credential, CredentialCheck, CredentialProblem } from '../api/shapes.ts'
import { useDeviceLooks } from '../devices/looks.ts'
import { useFormat, useTexts } from '../i18n/language.tsx'
import { Ago } from '../parts/ago.tsx'
import { Confirm } from '../parts/confirm.tsx'
import { Fact, Facts } from '../parts/facts.tsx'
import { Id } from '../parts/id.tsx'
import { ButtonLink } from '../parts/link.tsx'
import { Loaded, Panel } from '../parts/page.tsx'
import { Problem } from '../parts/problem.tsx'
import { StateBadge } from '../parts/state-badge.tsx'
import { useMay } from '../session/session.tsx'
import { useCredentialChange, useCredentialHistory, useCredentials, useServed } from './calls.ts'
import {
  isSender,
  nameOfKind,
  servesEnvironment,
  shortFingerprint,
  tellExpiry,
  tellSettings,
  topicsOf,
} from './credential.ts'
import { CredentialForm } from './form.tsx'
import { HealthLines } from './health-lines.tsx'
import { useHealthWords } from './use-health.ts'

export interface CardProps {
  readonly app: string
  readonly credential: Credential
  /** It has just been uploaded: this is what was read from it. */
  readonly isJustTaken?: boolean
}

type Opened = 'replace' | 'history' | 'delete' | undefined

export function CredentialCard({ app, credential, isJustTaken = false }: CardProps): ReactElement {
  const t = useTexts('credentials')
  const looks = useDeviceLooks()
  const mayManage = useMay('manage')
  const maySend = useMay('send')
  const [opened, setOpened] = useState<Opened>()
  const [isReplaced, setReplaced] = useState(false)
  const check = useCredentialChange(app, api =>
    api.post(path`v1/apps/${app}/credentials/${credential.id}/check`),
  )
  const toggle = (wanted: Opened) => () => setOpened(opened === wanted ? undefined : wanted)
  return (
    <Panel
      title={`${looks.gateway(credential.gateway)} · ${nameOfKind(credential.kind, t)}`}
      aside={<Marks credential={credential} />}
    >
      <Stack gap="sm">
        {(isJustTaken || isReplaced) && <Taken credential={credential} />}
        <Text size="sm" ff="monospace" style={{ overflowWrap: 'anywhere' }}>
          {tellSettings(credential, t)}
        </Text>
        <Times credential={credential} />
        <Read app={app} credential={credential} />
        {credential.problems.map(each => (
          <ProblemAlert key={`${each.code} ${each.environment ?? ''}`} problem={each} />
        ))}
        <Checks checks={credential.checks} />
        {check.error && <Problem error={check.error} title={t('check.failed')} />}
        <Group gap="xs">
          {/* A push service can't be asked without a subscription. */}
          {credential.gateway !== 'webpush' && mayManage && (
            <Button
              size="xs"
              variant="default"
              loading={check.isPending}
              onClick={() => check.mutate(undefined)}
            >
              {t('check')}
            </Button>
          )}
          {maySend && (
            <ButtonLink
              size="xs"
              variant="default"
              to="/apps/$app/push-test"
              params={{ app }}
              search={{ credential: credential.id }}
            >
              {t('test')}
            </ButtonLink>
          )}
          {mayManage && (
            <Button
              size="xs"
              variant="default"
              aria-expanded={opened === 'replace'}
              onClick={toggle('replace')}
            >
              {t('replace')}
            </Button>
          )}
          <Button
            size="xs"
            variant="default"
            aria-expanded={opened === 'history'}
            onClick={toggle('history')}
          >
            {t('history')}
          </Button>
          {mayManage && (
            <Button size="xs" variant="subtle" color="red" onClick={toggle('delete')}>
              {t('delete')}
            </Button>
          )}
        </Group>
        {opened === 'replace' && (
          <CredentialForm
            app={app}
            replaces={credential}
            onDone={id => {
              setOpened(undefined)
              setReplaced(id !== undefined)
            }}
          />
        )}
        {opened === 'history' && <HistoryOf app={app} id={credential.id} />}
        <Deletion
          app={app}
          credential={credential}
          isOpen={opened === 'delete'}
          onDone={() => setOpened(undefined)}
        />
      </Stack>
    </Panel>
  )
}

/** Brought into sight: it may be the last of many. */
function Taken({ credential: { problems } }: Pick<CardProps, 'credential'>): ReactElement {
  const t = useTexts('credentials')
  const place = useRef<HTMLDivElement>(null)
  useEffect(() => place.current?.scrollIntoView({ block: 'center' }), [])
  const isGood = problems.length === 0
  return (
    <Alert ref={place} color={isGood ? 'teal' : 'orange'} variant="light" py="xs" role="status">
      {t(isGood ? 'taken' : 'taken.problems', { count: problems.length })}
    </Alert>
  )
}

function Marks({ credential }: { readonly credential: Credential }): ReactElement {
  const t = useTexts('credentials')
  const isPaused = credential.status === 'paused'
  return (
    <Group gap={6}>
      {credential.environments.map(each => (
        <Badge key={each} variant="outline" color="gray" size="sm" tt="none">
          {t.known(`environment.${each}`) ?? each}
        </Badge>
      ))}
      <StateBadge tone={isPaused ? 'bad' : 'good'} label={t(`status.${credential.status}`)} />
    </Group>
  )
}

/** What was read from it beside its name, and whom it serves. */
function Read({ app, credential }: CardProps): ReactElement {
  const t = useTexts('credentials')
  const format = useFormat()
  const { gateway, settings, fingerprint } = credential
  const all = useCredentials(app).data ?? [credential]
  const servable = useServed(app).data?.filter(
    each => each.gateway === gateway && servesEnvironment(credential, each.environment),
  )
  const served = servable?.filter(each => isSender(credential, all, each.environment))
  // of several key pairs nobody has counted whose browsers are whose
  const isCounted = gateway !== 'webpush' || all.filter(it => it.gateway === gateway).length === 1
  const topics = topicsOf(settings)
  return (
    <Facts>
      {topics.length > 0 && (
        <Fact name={t('fact.topics')}>
          {topics.map(({ topic, kind }) => (
            <div key={topic}>
              {topic}
              {kind !== 'app' && ` · ${kind}`}
            </div>
          ))}
        </Fact>
      )}
      {fingerprint && (
        <Fact name={t('fact.fingerprint')}>
          <span style={{ whiteSpace: 'nowrap' }}>
            <Id value={fingerprint} shown={shortFingerprint(fingerprint)} />
          </span>
        </Fact>
      )}
      {served && isCounted && (
        <Fact name={t('fact.serves')}>
          {served.length === 0
            ? t(servable?.length === 0 ? 'serves.none' : 'serves.other')
            : format.list(
                served.map(({ addresses, environment }) =>
                  environment === null
                    ? t('serves', { count: addresses })
                    : t('serves.in', {
                        count: addresses,
                        environment: t.known(`environment.${environment}`) ?? environment,
                      }),
                ),
              )}
        </Fact>
      )}
    </Facts>
  )
}

function Times({ credential }: { readonly credential: Credential }): ReactElement {
  const t = useTexts('credentials')
  const { version, updatedAt, checkedAt } = credential
  return (
    <Group gap="md" fz="sm" c="dimmed" style={{ rowGap: 2 }}>
      <ExpiryText expiresAt={credential.expiresAt} />
      <span>
        {version === 1
          ? t.rich<ReactElement>('added', { ago: <Ago key="ago" at={updatedAt} /> })
          : t.rich<ReactElement>('replaced', { count: version - 1, ago: <Ago key="ago" at={updatedAt} /> })}
      </span>
      <span>
        {checkedAt
          ? t.rich<ReactElement>('checked', { ago: <Ago key="ago" at={checkedAt} /> })
          : t('checked.never')}
      </span>
    </Group>
  )
}

function ExpiryText({ expiresAt }: Pick<Credential, 'expiresAt'>): ReactElement {
  const t = useTexts('credentials')
  const format = useFormat()
  const expiry = tellExpiry(expiresAt, Date.now())
  if (!expiry || expiresAt === null) return <span>{t('expiry.never')}</span>
  const day = format.day(expiresAt)
  return (
    <Text span size="sm" c={expiry.color} fw={expiry.color === 'dimmed' ? undefined : 600}>
      {expiry.daysLeft <= 0 ? t('expiry.over', { day }) : t('expiry.in', { days: expiry.daysLeft, day })}
    </Text>
  )
}

function ProblemAlert({ problem }: { readonly problem: CredentialProblem }): ReactElement {
  const words = useHealthWords({ isNeeded: true })(problem)
  return (
    <Alert color={problem.severity === 'error' ? 'red' : 'orange'} variant="light" py="xs">
      <HealthLines words={words} />
    </Alert>
  )
}

const CHECK_COLORS: Readonly<Record<CredentialCheck['outcome'], string>> = {
  accepted: 'teal',
  refused: 'red',
  unreachable: 'orange',
}

function Checks({ checks }: { readonly checks: readonly CredentialCheck[] }): ReactElement | null {
  const t = useTexts('credentials')
  if (checks.length === 0) return null
  return (
    <Group gap="md" fz="sm">
      {checks.map(({ environment, outcome, reason, at }) => (
        <span key={environment ?? ''}>
          {environment && `${t.known(`environment.${environment}`) ?? environment}: `}
          <Text span size="sm" c={CHECK_COLORS[outcome]} fw={600}>
            {t(`check.${outcome}`)}
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
  const t = useTexts('credentials')
  const query = useCredentialHistory(app, id)
  return (
    <Loaded query={query} lines={2}>
      {entries => (
        <Stack gap={4} component="ul" m={0} pl="md">
          {entries.map(({ at, event, by, version, reason }) => (
            <Text key={`${at} ${event}`} component="li" size="sm">
              {t.rich<ReactElement>('history.line', {
                event: t.known(`event.${event}`) ?? event,
                by,
                ago: <Ago key="ago" at={at} />,
                b: chunks => <b key="b">{chunks}</b>,
              })}
              {event !== 'deleted' && ` · ${t('history.version', { version })}`}
              {reason && ` · ${reason}`}
            </Text>
          ))}
        </Stack>
      )}
    </Loaded>
  )
}

interface DeletionProps extends CardProps {
  readonly isOpen: boolean
  readonly onDone: () => void
}

function Deletion({ app, credential, isOpen, onDone }: DeletionProps): ReactElement {
  const t = useTexts('credentials')
  const change = useCredentialChange<void>(app, api =>
    api.delete(path`v1/apps/${app}/credentials/${credential.id}`),
  )
  return (
    <Confirm
      isOpen={isOpen}
      title={t('delete.title')}
      verb={t('delete.confirm')}
      keepVerb={t('delete.keep')}
      isDangerous
      isPending={change.isPending}
      error={change.error}
      onConfirm={() => change.mutate(undefined, { onSuccess: onDone })}
      onClose={onDone}
    >
      <Text size="sm">{t('delete.body')}</Text>
    </Confirm>
  )
}
