/** One call: what each callee came to, and by which roads each of their devices was to ring. */
import { Button, Code, Group, Stack, Text } from '@mantine/core'
import type { CalleeView, CallView } from '@roost/protocol'
import { getRouteApi } from '@tanstack/react-router'
import { type ReactElement, useState } from 'react'
import { useFormat, useTexts } from '../i18n/language.tsx'
import { Confirm } from '../parts/confirm.tsx'
import { type Column, DataTable } from '../parts/data-table.tsx'
import { Fact, Facts } from '../parts/facts.tsx'
import { TextLink } from '../parts/link.tsx'
import { Loaded, PageHead, Panel } from '../parts/page.tsx'
import { ReadOnlyMark, useMay } from '../session/session.tsx'
import { CallStateBadge } from './call-state.tsx'
import { useCall, useEndCall } from './calls.ts'

const route = getRouteApi('/apps/$app/calls/$call')

export function CallPage(): ReactElement {
  const t = useTexts('calls')
  const { app, call: id } = route.useParams()
  const query = useCall(app, id)
  const back = (
    <TextLink to="/apps/$app/calls" params={{ app }} size="sm">
      {t('title')}
    </TextLink>
  )
  return (
    <>
      <PageHead title={query.data?.caller.name ?? t('call')} back={back}>
        <ReadOnlyMark right="send" />
        {query.data && <CallStateBadge state={query.data.state} />}
        {query.data?.state === 'ringing' && <EndCall app={app} id={id} />}
      </PageHead>
      <Loaded query={query} lines={8}>
        {call => (
          <Stack gap="md">
            <Panel title={t('call')}>
              <CallFacts app={app} call={call} />
            </Panel>
            {call.callees.map(callee => (
              <CalleePanel key={callee.userId} app={app} callee={callee} />
            ))}
          </Stack>
        )}
      </Loaded>
    </>
  )
}

function EndCall({ app, id }: { readonly app: string; readonly id: string }): ReactElement | null {
  const t = useTexts('calls')
  const [isAsked, setAsked] = useState(false)
  const end = useEndCall(app, id)
  if (!useMay('send')) return null
  const close = (): void => setAsked(false)
  return (
    <>
      <Button variant="default" onClick={() => setAsked(true)}>
        {t('end')}
      </Button>
      <Confirm
        isOpen={isAsked}
        title={t('end.title')}
        verb={t('end.verb')}
        isDangerous
        isPending={end.isPending}
        error={end.error}
        onConfirm={() => end.mutate(undefined, { onSuccess: close })}
        onClose={close}
      >
        {t('end.body')}
      </Confirm>
    </>
  )
}

function CallFacts({ app, call }: { readonly app: string; readonly call: CallView }): ReactElement {
  const t = useTexts('calls')
  const format = useFormat()
  const { id, caller, media, createdAt, ringUntil, data } = call
  return (
    <Facts>
      <Fact name={t('caller')}>
        {caller.userId === undefined ? (
          caller.name
        ) : (
          <Group gap={6}>
            {caller.name}
            <TextLink to="/apps/$app/users/$user" params={{ app, user: caller.userId }} size="sm">
              {caller.userId}
            </TextLink>
          </Group>
        )}
      </Fact>
      <Fact name={t('media')}>{t(`media.${media}`)}</Fact>
      <Fact name={t('at')}>{format.moment(createdAt)}</Fact>
      <Fact name={t('ringUntil')}>{format.moment(ringUntil)}</Fact>
      <Fact name={t('id')}>
        <Code>{id}</Code>
      </Fact>
      {Object.keys(data).length > 0 && (
        <Fact name={t('data')}>
          <Code block>{JSON.stringify(data, null, 2)}</Code>
        </Fact>
      )}
    </Facts>
  )
}

function CalleePanel({ app, callee }: { readonly app: string; readonly callee: CalleeView }): ReactElement {
  const t = useTexts('calls')
  const columns = useColumns(app)
  const { userId, state, by, devices } = callee
  return (
    <Panel title={userId} aside={<CallStateBadge state={state} />}>
      <Stack gap="sm">
        <Group gap="md">
          <TextLink to="/apps/$app/users/$user" params={{ app, user: userId }} size="sm">
            {t('filter.user')}
          </TextLink>
          {by !== null && <Text size="sm">{t('answered', { device: by })}</Text>}
        </Group>
        {devices.length === 0 ? (
          <Text size="sm" c="dimmed">
            {t('devices.none')}
          </Text>
        ) : (
          <DataTable label={userId} columns={columns} rows={devices} keyOf={({ hwid }) => hwid} />
        )}
      </Stack>
    </Panel>
  )
}

type RungDevice = CalleeView['devices'][number]

function useColumns(app: string): readonly Column<RungDevice>[] {
  const t = useTexts('calls')
  const format = useFormat()
  return [
    {
      key: 'device',
      title: t('device'),
      width: 'minmax(0, 1.6fr)',
      cell: ({ hwid }) => (
        <TextLink to="/apps/$app/devices/$hwid" params={{ app, hwid }} ff="monospace" size="sm">
          {hwid}
        </TextLink>
      ),
    },
    {
      key: 'roads',
      title: t('roads'),
      cell: ({ roads }) => (
        <Text size="sm">
          {roads.length === 0 ? t('road.none') : format.list(roads.map(road => t(`road.${road}`)))}
        </Text>
      ),
    },
    {
      key: 'rang',
      title: t('rang'),
      width: '190px',
      cell: ({ rangAt }) => (
        <Text size="sm" c="dimmed">
          {rangAt ? format.moment(rangAt) : t('rang.no')}
        </Text>
      ),
    },
    {
      key: 'state',
      title: t('state'),
      width: '170px',
      cell: ({ state }) => <CallStateBadge state={state} />,
    },
  ]
}
