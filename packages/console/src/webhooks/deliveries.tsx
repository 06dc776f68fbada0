/** What became of the newest 100 events of a webhook, and delivering again what was missed. */
import { Button, Group, Stack, Text } from '@mantine/core'
import type { WebhookDelivery, WebhookView } from '@roost/protocol'
import type { ReactElement } from 'react'
import { useFormat, useTexts } from '../i18n/language.tsx'
import { Ago } from '../parts/ago.tsx'
import { type Column, DataTable } from '../parts/data-table.tsx'
import { Empty, Loaded } from '../parts/page.tsx'
import { Problem } from '../parts/problem.tsx'
import { StateBadge } from '../parts/state-badge.tsx'
import type { Tone } from '../parts/tone.ts'
import { useMay } from '../session/session.tsx'
import { useDeliveries, useRedeliver } from './calls.ts'

const KEPT_MS = 30 * 24 * 60 * 60_000

interface DeliveriesProps {
  readonly app: string
  readonly webhook: WebhookView
}

export function Deliveries({ app, webhook }: DeliveriesProps): ReactElement {
  const t = useTexts('webhooks')
  const mayManage = useMay('manage')
  const query = useDeliveries(app, webhook.id)
  const again = useRedeliver(app, webhook.id)
  const columns = useColumns(mayManage ? id => again.mutate({ eventIds: [id] }) : undefined)
  const hasFailed = query.data?.some(({ state }) => state === 'failed') ?? false
  return (
    <Stack gap="sm">
      {again.error && <Problem error={again.error} title={t('again.failed')} />}
      <Text size="sm" aria-live="polite">
        {again.data && t('again.done', { count: again.data.count })}
      </Text>
      {mayManage && hasFailed && (
        <Group>
          <Button
            size="xs"
            variant="default"
            loading={again.isPending}
            onClick={() => again.mutate({ failedSince: new Date(Date.now() - KEPT_MS).toISOString() })}
          >
            {t('again.all')}
          </Button>
        </Group>
      )}
      <Loaded query={query}>
        {deliveries =>
          deliveries.length === 0 ? (
            <Empty title={t('deliveries.none.title')}>{t('deliveries.none.body')}</Empty>
          ) : (
            <DataTable
              label={t('deliveries')}
              columns={columns}
              rows={deliveries}
              keyOf={({ eventId }) => eventId}
            />
          )
        }
      </Loaded>
    </Stack>
  )
}

const TONES: Readonly<Record<WebhookDelivery['state'], Tone>> = {
  waiting: 'busy',
  delivered: 'good',
  failed: 'bad',
}

function useColumns(onAgain: ((eventId: string) => void) | undefined): Column<WebhookDelivery>[] {
  const t = useTexts('webhooks')
  const format = useFormat()
  return [
    {
      key: 'type',
      title: t('delivery.event'),
      width: 'minmax(0, 1.8fr)',
      cell: ({ type }) => t.known(`event.${type}`) ?? type,
    },
    { key: 'at', title: t('delivery.at'), cell: ({ at }) => <Ago at={at} /> },
    {
      key: 'state',
      title: t('delivery.state'),
      cell: ({ state }) => <StateBadge tone={TONES[state]} label={t(`delivery.${state}`)} />,
    },
    {
      key: 'attempts',
      title: t('delivery.attempts'),
      isNumber: true,
      cell: ({ attempts }) => format.count(attempts),
    },
    {
      key: 'answer',
      title: t('delivery.answer'),
      width: 'minmax(0, 1.8fr)',
      cell: ({ status, error, nextAttemptAt }) => (
        <>
          {error ?? status}
          {nextAttemptAt && (
            <Text size="xs" c="dimmed">
              {t('delivery.next', { moment: format.moment(nextAttemptAt) })}
            </Text>
          )}
        </>
      ),
    },
    {
      key: 'again',
      title: '',
      width: '112px',
      cell: ({ eventId, state }) =>
        onAgain &&
        state !== 'waiting' && (
          <Button size="compact-xs" variant="default" onClick={() => onAgain(eventId)}>
            {t('again')}
          </Button>
        ),
    },
  ]
}
