/** One user: their devices, tags and messages; logging them out, handing out or erasing what is held of them. */
import { Button, Group, Menu, SimpleGrid, Stack, Text, TextInput } from '@mantine/core'
import type { DeviceView, TimeLine } from '@roost/protocol'
import { useQueries } from '@tanstack/react-query'
import { getRouteApi, useNavigate } from '@tanstack/react-router'
import { type ReactElement, useState } from 'react'
import { path, query } from '../api/client.ts'
import { useApi } from '../api/use-api.ts'
import { type User, useLogOut, useReportedTokens, useUser } from '../devices/calls.ts'
import { DeviceName } from '../devices/device-name.tsx'
import { DeviceTable } from '../devices/device-table.tsx'
import { EraseConfirm } from '../devices/erase.tsx'
import { Entries } from '../devices/history.tsx'
import { rowOf } from '../devices/rows.ts'
import { writeValue } from '../devices/tag-value.ts'
import { useTexts } from '../i18n/language.tsx'
import { Confirm } from '../parts/confirm.tsx'
import { Fact, Facts } from '../parts/facts.tsx'
import { ButtonLink, TextLink } from '../parts/link.tsx'
import { Loaded, PageHead, Panel } from '../parts/page.tsx'
import { StateBadge } from '../parts/state-badge.tsx'
import type { Tone } from '../parts/tone.ts'
import { ReadOnlyMark, useMay } from '../session/session.tsx'
import { messagesOf } from './messages.ts'

const route = getRouteApi('/apps/$app/users/$user')
/** Of more, each would be a call of its own. */
const DEVICES_READ = 5
const MESSAGES_SHOWN = 30

export function UserPage(): ReactElement {
  const t = useTexts('device')
  const { app, user } = route.useParams()
  const found = useUser(app, user)
  return (
    <>
      <PageHead
        title={user}
        back={
          <TextLink to="/apps/$app/users" params={{ app }} size="sm">
            {t('users.title')}
          </TextLink>
        }
      >
        {found.data && <Actions app={app} user={found.data} />}
      </PageHead>
      <Loaded query={found} lines={8}>
        {data => (
          <Stack gap="md">
            <Panel title={t('user.devices', { count: data.devices.length })}>
              <DeviceTable
                app={app}
                label={t('user.devices', { count: data.devices.length })}
                rows={data.devices.map(rowOf)}
                hasUsers={false}
              />
              {data.hasMore && (
                <Text size="sm" c="dimmed">
                  {t('user.more')}
                </Text>
              )}
            </Panel>
            <SimpleGrid cols={{ base: 1, md: 2 }}>
              <Tags app={app} user={data} />
              <ReportedTokensPanel app={app} user={data} />
            </SimpleGrid>
            <Messages app={app} user={data} />
          </Stack>
        )}
      </Loaded>
    </>
  )
}

interface OfUser {
  readonly app: string
  readonly user: User
}

function Actions({ app, user }: OfUser): ReactElement {
  const t = useTexts('device')
  const may = useMay('devices')
  const maySend = useMay('send')
  const navigate = useNavigate()
  const [asked, setAsked] = useState<'logOut' | 'erase'>()
  const logOut = useLogOut(app, user.userId)
  const leave = (): void => void navigate({ to: '/apps/$app/users', params: { app } })
  const close = (): void => setAsked(undefined)
  return (
    <>
      <ReadOnlyMark right="devices" />
      {may && (
        <Menu position="bottom-end">
          <Menu.Target>
            <Button variant="default">{t('actions')}</Button>
          </Menu.Target>
          <Menu.Dropdown>
            <Menu.Item onClick={() => setAsked('logOut')}>{t('user.logOut')}</Menu.Item>
            <Menu.Item color="red" onClick={() => setAsked('erase')}>
              {t('user.erase')}
            </Menu.Item>
          </Menu.Dropdown>
        </Menu>
      )}
      {maySend && (
        <ButtonLink to="/apps/$app/messages/new" params={{ app }} search={{ user: user.userId }}>
          {t('write')}
        </ButtonLink>
      )}
      {asked === 'logOut' && (
        <Confirm
          isOpen
          isDangerous
          title={t('user.logOut.title', { user: user.userId })}
          verb={t('user.logOut.verb')}
          isPending={logOut.isPending}
          error={logOut.error}
          onConfirm={() => logOut.mutate(undefined, { onSuccess: leave })}
          onClose={close}
        >
          {t('user.logOut.about', { count: user.devices.length })}
        </Confirm>
      )}
      {asked === 'erase' && (
        <EraseConfirm app={app} target={{ userId: user.userId }} onErased={leave} onClose={close} />
      )}
    </>
  )
}

/** Tags are of devices; what several devices of a person say differently is told once for each. */
function Tags({ app, user }: OfUser): ReactElement {
  const t = useTexts('devices')
  const api = useApi()
  const devices = useQueries({
    queries: user.devices.slice(0, DEVICES_READ).map(({ hwid }) => ({
      queryKey: [app, 'messages', 'device', hwid, 'itself'],
      queryFn: ({ signal }: { readonly signal: AbortSignal }) =>
        api.get<DeviceView>(path`v1/apps/${app}/devices/${hwid}`, { signal }),
    })),
  }).flatMap(({ data }) => data ?? [])
  const values = new Map<string, Set<string>>()
  for (const { tags } of devices) {
    for (const [name, value] of Object.entries(tags))
      values.set(name, (values.get(name) ?? new Set()).add(writeValue(value).replaceAll('\n', ', ')))
  }
  return (
    <Panel title={t('tags')}>
      {values.size === 0 ? (
        <Text c="dimmed">{t('tags.none')}</Text>
      ) : (
        <Facts>
          {[...values].sort().map(([name, all]) => (
            <Fact key={name} name={name}>
              {[...all].join(' · ')}
            </Fact>
          ))}
        </Facts>
      )}
    </Panel>
  )
}

function Messages({ app, user }: OfUser): ReactElement {
  const t = useTexts('device')
  const api = useApi()
  const read = user.devices.slice(0, DEVICES_READ)
  const lines = useQueries({
    queries: read.map(({ hwid }) => ({
      queryKey: [app, 'messages', 'user-device', hwid],
      queryFn: ({ signal }: { readonly signal: AbortSignal }) =>
        api.get<TimeLine>(path`v1/apps/${app}/devices/${hwid}/time-line` + query({ limit: 50 }), { signal }),
    })),
  }).flatMap(({ data }) => (data ? [data.entries] : []))
  const entries = messagesOf(lines, MESSAGES_SHOWN)
  return (
    <Panel
      title={t('user.messages')}
      aside={
        <Text size="sm" c="dimmed">
          {t('user.messages.about', { count: read.length })}
        </Text>
      }
    >
      {entries.length === 0 ? (
        <Text c="dimmed">{t('user.messages.none')}</Text>
      ) : (
        <Entries app={app} entries={entries} />
      )}
    </Panel>
  )
}

const VERDICT_TONES: Readonly<Record<string, Tone>> = { reported: 'good', not_reported: 'bad' }

/** Somebody writes "I got nothing on Monday": was the app there at all on that day? */
function ReportedTokensPanel({ app, user: { userId: user, devices: theirs } }: OfUser): ReactElement {
  const t = useTexts('device')
  const [day, setDay] = useState('')
  const known = new Map(theirs.map(device => [device.hwid, device]))
  const answer = useReportedTokens(app, day ? { user, day } : undefined)
  return (
    <Panel title={t('user.reported')}>
      <Stack gap="sm">
        <TextInput
          type="date"
          label={t('user.reported.day')}
          maw={200}
          value={day}
          onChange={event => setDay(event.currentTarget.value)}
        />
        {day && (
          <Loaded query={answer} lines={2}>
            {({ verdict, devices, timeZone }) => (
              <div aria-live="polite">
                <Group gap="sm" mb="xs">
                  <StateBadge tone={VERDICT_TONES[verdict] ?? 'plain'} label={t(`user.verdict.${verdict}`)} />
                  <Text size="sm" c="dimmed">
                    {t('user.reported.zone', { zone: timeZone })}
                  </Text>
                </Group>
                <Stack gap="xs">
                  {devices.map(({ hwid, platform, evidence }) => (
                    <div key={hwid}>
                      <DeviceName app={app} device={known.get(hwid) ?? { hwid, platform }} />
                      <Text size="sm" style={{ overflowWrap: 'anywhere' }}>
                        {evidence.join(' ')}
                      </Text>
                    </div>
                  ))}
                </Stack>
              </div>
            )}
          </Loaded>
        )}
      </Stack>
    </Panel>
  )
}
