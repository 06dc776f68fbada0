/** The few numbers that say how the app is doing; how many devices there are now is live. */
import { SimpleGrid, Skeleton, Text } from '@mantine/core'
import type { BaseStatistics, DeliveryStatistics } from '@roost/protocol'
import type { ReactElement, ReactNode } from 'react'
import { useFormat, useTexts } from '../i18n/language.tsx'
import { useLive } from '../live/live.tsx'
import { Panel } from '../parts/page.tsx'
import { changeOf, sumOf } from '../statistics/days.ts'

export interface FiguresProps {
  /** Undefined while they are on their way. */
  readonly base: BaseStatistics | undefined
  readonly deliveries: DeliveryStatistics | undefined
  /** They will not come; the charts below say why. */
  readonly isFailed: boolean
}

export function Figures({ base, deliveries, isFailed }: FiguresProps): ReactElement | null {
  if (isFailed) return null
  return (
    <SimpleGrid cols={{ base: 2, md: 4 }} spacing={{ base: 'xs', sm: 'md' }}>
      <DeviceFigures base={base} />
      <OpensFigure base={base} />
      <SentFigure deliveries={deliveries} />
    </SimpleGrid>
  )
}

/** Until the live values are there, what was counted last. */
function DeviceFigures({ base }: Pick<FiguresProps, 'base'>): ReactElement {
  const t = useTexts('dashboard')
  const format = useFormat()
  const now = useLive()?.devices
  const last = base?.rows.findLast(row => row.devices !== null)
  const devices = now?.devices ?? last?.devices ?? undefined
  const reachable = now?.reachable ?? last?.reachable ?? undefined
  const change = changeOf(base?.rows.map(row => row.devices) ?? [])
  const errorPercent = now?.errorPercent ?? 0
  const aboutDevices =
    errorPercent > 0
      ? t('devices.estimate', { percent: format.percent(errorPercent / 100) })
      : change === undefined
        ? t('devices.about')
        : t('devices.change', { change: format.change(change) })
  return (
    <>
      <Figure name={t('devices')} value={devices === undefined ? undefined : format.count(devices)}>
        {aboutDevices}
      </Figure>
      <Figure name={t('reachable')} value={reachable === undefined ? undefined : format.count(reachable)}>
        {t('reachable.about', { share: format.share(reachable ?? 0, devices ?? 0) })}
      </Figure>
    </>
  )
}

function OpensFigure({ base }: Pick<FiguresProps, 'base'>): ReactElement {
  const t = useTexts('dashboard')
  const format = useFormat()
  const rows = base?.rows ?? []
  const opens = sumOf(rows, row => row.opens)
  return (
    <Figure name={t('opens')} value={base && format.count(opens)}>
      {t('opens.about', { count: Math.round(opens / Math.max(1, rows.length)) })}
    </Figure>
  )
}

function SentFigure({ deliveries }: Pick<FiguresProps, 'deliveries'>): ReactElement {
  const t = useTexts('dashboard')
  const format = useFormat()
  const { accepted = 0, delivered = 0, opened = 0 } = deliveries?.totals ?? {}
  return (
    <Figure name={t('sent')} value={deliveries && format.count(accepted)}>
      {accepted === 0
        ? t('sent.none')
        : t('sent.about', {
            delivered: format.share(delivered, accepted),
            opened: format.share(opened, accepted),
          })}
    </Figure>
  )
}

interface FigureProps {
  readonly name: string
  /** Undefined while it is on its way. */
  readonly value: string | undefined
  readonly children: ReactNode
}

function Figure({ name, value, children }: FigureProps): ReactElement {
  return (
    <Panel>
      <Text size="sm" c="dimmed">
        {name}
      </Text>
      {value === undefined ? (
        <Skeleton height={30} my={4} width="60%" />
      ) : (
        <Text fz={{ base: 24, sm: 30 }} fw={650} lh={1.25}>
          {value}
        </Text>
      )}
      <Text size="sm" c="dimmed" mih="1.5em">
        {value !== undefined && children}
      </Text>
    </Panel>
  )
}
