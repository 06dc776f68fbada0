/** One device: who it is, whether it can be reached and why not, how it came to that, and what can be done with it. */
import { Alert, Badge, Group, SimpleGrid, Stack, Text } from '@mantine/core'
import { getRouteApi } from '@tanstack/react-router'
import { lazy, type ReactElement, Suspense, useState } from 'react'
import { useFormat, useTexts } from '../i18n/language.tsx'
import { Ago } from '../parts/ago.tsx'
import { Fact, Facts } from '../parts/facts.tsx'
import { Id } from '../parts/id.tsx'
import { TextLink } from '../parts/link.tsx'
import { Empty, Loaded, PageHead, Panel, Waiting } from '../parts/page.tsx'
import { StateLabel } from '../parts/stacked-bar.tsx'
import { useMay } from '../session/session.tsx'
import { SelfCheckPanel } from '../test-devices/findings.tsx'
import { DeviceActions } from './actions.tsx'
import { type DoubtedDevice, useDevice, usePresence } from './calls.ts'
import { useDeviceName } from './device-name.tsx'
import css from './devices.module.css'
import { DiagnosisPanel } from './diagnosis.tsx'
import { AddressMarks, History } from './history.tsx'
import { tellTurn } from './ledger.ts'
import { useDeviceLooks } from './looks.ts'
import { TagsPanel } from './tags.tsx'
import { TestPush } from './test-push.tsx'

/** It writes conditions out in words, and with them comes much of the page of segments. */
const DeviceSegments = lazy(async () => ({ default: (await import('./device-segments.tsx')).DeviceSegments }))

const route = getRouteApi('/apps/$app/devices/$hwid')
/** Below it nothing is worth telling. */
const DOUBT_TOLD_FROM = 0.5

export function DevicePage(): ReactElement {
  const t = useTexts('devices')
  const { app, hwid } = route.useParams()
  const query = useDevice(app, hwid)
  const nameOf = useDeviceName()
  const maySend = useMay('send')
  const [isTesting, setTesting] = useState(false)
  const test = maySend ? () => setTesting(true) : undefined
  const name = nameOf(query.data)
  return (
    <>
      <PageHead
        title={name}
        about={<Id value={hwid} />}
        back={
          <TextLink to="/apps/$app/devices" params={{ app }} size="sm">
            {t('title')}
          </TextLink>
        }
      >
        {query.data && <DeviceActions app={app} device={query.data} onTest={test} />}
      </PageHead>
      <Loaded query={query} lines={10}>
        {device => (
          <Stack gap="md">
            <DiagnosisPanel app={app} hwid={hwid} />
            {device.isTestDevice && <SelfCheckPanel app={app} hwid={hwid} />}
            <SimpleGrid cols={{ base: 1, md: 2 }}>
              <Panel title={t('identity')}>
                <Identity app={app} device={device} />
              </Panel>
              <Notifications device={device} />
              <Panel title={t('addresses')}>
                <Addresses device={device} />
              </Panel>
              <TagsPanel app={app} hwid={hwid} tags={device.tags} />
            </SimpleGrid>
            <Suspense
              fallback={
                <Panel>
                  <Waiting lines={3} />
                </Panel>
              }
            >
              <DeviceSegments app={app} hwid={hwid} />
            </Suspense>
            <Panel
              title={t('history')}
              aside={
                <Text size="sm" c="dimmed">
                  {t('history.newest')}
                </Text>
              }
            >
              <History app={app} hwid={hwid} />
            </Panel>
          </Stack>
        )}
      </Loaded>
      {isTesting && <TestPush app={app} hwid={hwid} name={name} onClose={() => setTesting(false)} />}
    </>
  )
}

interface OfDevice {
  readonly device: DoubtedDevice
}

function Identity({ app, device }: OfDevice & { readonly app: string }): ReactElement {
  const t = useTexts('devices')
  const own = useTexts('device')
  const format = useFormat()
  const looks = useDeviceLooks()
  const { record } = device
  const system = [looks.platform(device.platform ?? 'other'), device.osVersion].filter(Boolean).join(' ')
  return (
    <Facts>
      <Fact name={t('user')}>
        {device.userId ? (
          <TextLink to="/apps/$app/users/$user" params={{ app, user: device.userId }} size="sm">
            {device.userId}
          </TextLink>
        ) : (
          t('user.none')
        )}
      </Fact>
      <Fact name={t('system')}>{system}</Fact>
      {device.deviceModel && <Fact name={t('model')}>{device.deviceModel}</Fact>}
      {device.appVersion && <Fact name={t('appVersion')}>{device.appVersion}</Fact>}
      {record.bundleId && <Fact name={own('bundle')}>{record.bundleId}</Fact>}
      {record.sdkVersion && <Fact name={own('sdk')}>{record.sdkVersion}</Fact>}
      {record.extensionVersion && <Fact name={own('extension')}>{record.extensionVersion}</Fact>}
      {device.language && <Fact name={t('language')}>{device.language}</Fact>}
      {record.country && <Fact name={own('country')}>{record.country}</Fact>}
      {(record.timeZone ?? device.timezoneSeconds) !== null && (
        <Fact name={own('timeZone')}>{record.timeZone ?? writeOffset(device.timezoneSeconds ?? 0)}</Fact>
      )}
      <Fact name={own('presence')}>
        <Presence app={app} hwid={device.hwid} />
      </Fact>
      <Fact name={t('lastOpened')}>{device.lastOpenAt ? <Ago at={device.lastOpenAt} /> : t('never')}</Fact>
      <Fact name={t('lastSeen')}>
        <Ago at={device.lastSeenAt} />
      </Fact>
      <Fact name={t('firstSeen')}>{format.moment(device.firstSeenAt)}</Fact>
    </Facts>
  )
}

/** Whether a call or a message would come over its channel just now. */
function Presence({ app, hwid }: { readonly app: string; readonly hwid: string }): ReactElement {
  const t = useTexts('device')
  const { data, isError } = usePresence(app, hwid)
  return <>{data ? t(`presence.${data.state}`) : isError ? '–' : '…'}</>
}

function writeOffset(seconds: number): string {
  const minutes = Math.abs(Math.trunc(seconds / 60))
  const two = (value: number): string => String(value).padStart(2, '0')
  return `UTC${seconds < 0 ? '−' : '+'}${two(Math.trunc(minutes / 60))}:${two(minutes % 60)}`
}

/** What the person at the device lets it show, as far as the device says it. */
function Notifications({ device: { permission, isOptedOut, record } }: OfDevice): ReactElement {
  const t = useTexts('device')
  const { permissionParts = {}, channels = [], registrationError, power } = record
  const parts = Object.entries(permissionParts)
  return (
    <Panel title={t('notifications')}>
      <Stack gap="sm">
        <Facts>
          <Fact name={t('permission')}>
            {permission ? (t.known(`permission.${permission}`) ?? permission) : t('permission.unknown')}
          </Fact>
          {parts.length > 0 && (
            <Fact name={t('parts')}>
              <Marks
                marks={parts.map(([part, isOn]) => ({
                  name: t.known(`part.${part}`) ?? part,
                  isOn: isOn === true,
                }))}
              />
            </Fact>
          )}
          {channels.length > 0 && (
            <Fact name={t('channels')}>
              <Marks marks={channels.map(({ id, isEnabled }) => ({ name: id, isOn: isEnabled }))} />
            </Fact>
          )}
          {power?.isLowPower && <Fact name={t('power')}>{t('power.low')}</Fact>}
          {power?.isBackgroundRestricted && <Fact name={t('power')}>{t('power.restricted')}</Fact>}
          {power?.standby && <Fact name={t('standby')}>{power.standby}</Fact>}
        </Facts>
        {isOptedOut && (
          <Alert color="orange" variant="light">
            {t('optedOut')}
          </Alert>
        )}
        {registrationError && (
          <Alert color="orange" variant="light" title={t('refused_token.registration_error')}>
            {[registrationError.code, registrationError.message].filter(Boolean).join(': ')}
          </Alert>
        )}
      </Stack>
    </Panel>
  )
}

interface Mark {
  readonly name: string
  readonly isOn: boolean
}

function Marks({ marks }: { readonly marks: readonly Mark[] }): ReactElement {
  const t = useTexts('device')
  return (
    <Group gap={6}>
      {marks.map(({ name, isOn }) => (
        <Badge key={name} variant={isOn ? 'light' : 'default'} tt="none" fw={500} size="sm">
          {t(isOn ? 'mark.on' : 'mark.off', { name })}
        </Badge>
      ))}
    </Group>
  )
}

function Addresses({ device: { addresses, doubt } }: OfDevice): ReactElement {
  const t = useTexts('devices')
  const own = useTexts('device')
  const format = useFormat()
  if (addresses.length === 0)
    return <Empty title={t('addresses.none.title')}>{t('addresses.none.body')}</Empty>
  return (
    <Stack gap="md">
      {doubt && doubt.confidence >= DOUBT_TOLD_FROM && (
        <Alert
          color="orange"
          variant="light"
          title={own('doubt', { share: format.percent(doubt.confidence) })}
        >
          <ul className={css.plainList}>
            {doubt.reasons.map(each => (
              <li key={each.reason}>{writeDoubt(each, own, format)}</li>
            ))}
          </ul>
        </Alert>
      )}
      {addresses.map(address => (
        <AddressFacts
          key={`${address.kind} ${address.provider} ${address.addressEnd} ${address.since}`}
          address={address}
        />
      ))}
    </Stack>
  )
}

type Doubt = NonNullable<DoubtedDevice['doubt']>['reasons'][number]

function writeDoubt(
  { reason, facts }: Doubt,
  own: ReturnType<typeof useTexts<'device'>>,
  format: ReturnType<typeof useFormat>,
): string {
  const { said, at, messages = 0, days = 0, usualDays: usual = 0 } = facts
  if (reason === 'suspect' && said === undefined) return own('doubt.suspected')
  const moment = at === undefined ? '' : format.moment(at)
  return own(`doubt.${reason}`, { said: said ?? '', moment, count: messages, days, usual })
}

function AddressFacts({ address }: { readonly address: DoubtedDevice['addresses'][number] }): ReactElement {
  const t = useTexts('ledger')
  const format = useFormat()
  const looks = useDeviceLooks()
  const { since, state } = address
  return (
    <div>
      <Group gap="sm">
        <Text fw={600} component="span">
          <StateLabel look={looks.ofState(state, address.reason)} />
        </Text>
        <Text span size="sm">
          {looks.gateway(address.provider)}
        </Text>
        <AddressMarks kind={address.kind} environment={address.environment} addressEnd={address.addressEnd} />
      </Group>
      <Text size="sm" c="dimmed" mt={2}>
        {
          tellTurn({ ...address, event: state, at: since, evidence: undefined }, { t, day: format.day })
            .sentence
        }
      </Text>
    </div>
  )
}
