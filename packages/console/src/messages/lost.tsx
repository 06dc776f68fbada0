/** The devices that a message lost before a step, with the reason of each; every one leads to its diagnosis. */
import { Button, Group, Stack, Text } from '@mantine/core'
import type { ReachStep } from '@roost/protocol'
import { getRouteApi } from '@tanstack/react-router'
import type { ReactElement } from 'react'
import { useFormat, useLanguage, useTexts } from '../i18n/language.tsx'
import { type Column, DataTable } from '../parts/data-table.tsx'
import { TextLink } from '../parts/link.tsx'
import { Empty, Loaded, PageHead, Panel } from '../parts/page.tsx'
import { useAppCode } from '../session/session.tsx'
import { type LostDevice, useLost, useMessage, useReach } from './calls.ts'

const route = getRouteApi('/apps/$app/messages/$message/lost/$step')

export function LostPage(): ReactElement {
  const t = useTexts('report')
  const messages = useTexts('messages')
  const app = useAppCode()
  const { locale } = useLanguage()
  const { message: id, step } = route.useParams()
  const { reason } = route.useSearch()
  const message = useMessage(app, id)
  const reach = useReach(app, id, locale)
  const title = reach.data?.steps.find(each => each.step === step)?.title
  const group = reach.data?.groups.find(each => each.step === step && each.reason === reason)
  return (
    <>
      <PageHead
        title={title ? t('lostBefore', { step: title }) : t('devices')}
        about={group ? group.title : reason}
        back={
          <TextLink to="/apps/$app/messages/$message" params={{ app, message: id }}>
            {message.data ? message.data.title || messages('untitled') : messages('message')}
          </TextLink>
        }
      />
      <Panel>
        <LostDevices
          app={app}
          id={id}
          step={step as ReachStep}
          reason={reason}
          titles={new Map(reach.data?.groups.map(({ rule, title: of }) => [rule ?? '', of]))}
        />
      </Panel>
    </>
  )
}

interface LostDevicesProps {
  readonly app: string
  readonly id: string
  readonly step: ReachStep
  readonly reason: string | undefined
  /** What a rule is about. */
  readonly titles: ReadonlyMap<string, string>
}

function LostDevices({ app, id, step, reason, titles }: LostDevicesProps): ReactElement {
  const t = useTexts('report')
  const common = useTexts('common')
  const { query, hasMore, isMoreComing, askMore } = useLost(app, { id, step, reason })
  const columns = useColumns({ app, id, titles })
  return (
    <Loaded query={query} lines={10}>
      {devices => (
        <Stack gap="md">
          {devices.length > 0 ? (
            <DataTable label={t('devices')} columns={columns} rows={devices} keyOf={({ hwid }) => hwid} />
          ) : hasMore ? (
            <Text size="sm">{t('lost.lookOn')}</Text>
          ) : (
            <Empty title={t('lost.none')}>{t('lost.none.body')}</Empty>
          )}
          {hasMore && (
            <Button variant="default" onClick={askMore} loading={isMoreComing} mx="auto">
              {common('more')}
            </Button>
          )}
        </Stack>
      )}
    </Loaded>
  )
}

interface ColumnsOf {
  readonly app: string
  readonly id: string
  readonly titles: ReadonlyMap<string, string>
}

function useColumns({ app, id, titles }: ColumnsOf): readonly Column<LostDevice>[] {
  const t = useTexts('report')
  const devices = useTexts('devices')
  const format = useFormat()
  return [
    {
      key: 'device',
      title: devices('device'),
      width: 'minmax(0, 1.6fr)',
      cell: ({ hwid, platform, userId }) => (
        <div>
          <TextLink to="/apps/$app/devices/$hwid" params={{ app, hwid }} ff="monospace" size="sm">
            {hwid}
          </TextLink>
          <Text size="xs" c="dimmed">
            {[platform && (devices.known(`platform.${platform}`) ?? platform), userId]
              .filter(Boolean)
              .join(' · ')}
          </Text>
        </div>
      ),
    },
    {
      key: 'reason',
      title: t('cause'),
      width: 'minmax(0, 1.4fr)',
      cell: ({ rule, reason }) => (
        <div>
          <Text size="sm">{(rule && titles.get(rule)) ?? reason ?? t('lost.silent')}</Text>
          {rule && titles.has(rule) && reason && (
            <Text size="xs" c="dimmed">
              {reason}
            </Text>
          )}
        </div>
      ),
    },
    {
      key: 'at',
      title: t('when'),
      width: '190px',
      cell: ({ at }) => (
        <Text span size="sm" c="dimmed">
          {at ? format.moment(at) : '–'}
        </Text>
      ),
    },
    {
      key: 'why',
      title: '',
      isNumber: true,
      width: '110px',
      cell: ({ hwid }) => (
        <Group justify="flex-end" gap={0}>
          <TextLink
            to="/apps/$app/diagnosis"
            params={{ app }}
            search={{ device: hwid, message: id }}
            size="sm"
            aria-label={`${t('diagnose')}: ${hwid}`}
            data-diagnose
          >
            {t('diagnose')}
          </TextLink>
        </Group>
      ),
    },
  ]
}
