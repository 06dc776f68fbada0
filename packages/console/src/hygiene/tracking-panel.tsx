/** Looking for uninstallations by silent pushes: how many a day it would take, the switch, and what the days came to. */
import { Button, Group, NumberInput, SegmentedControl, Stack, Switch, Text } from '@mantine/core'
import type { KnockDay, UninstallTracking } from '@roost/protocol'
import { type ReactElement, useState } from 'react'
import type { Reading } from '../api/client.ts'
import { useFormat, useTexts } from '../i18n/language.tsx'
import { Changed, isChangedMeanwhile } from '../parts/changed.tsx'
import { type Column, DataTable } from '../parts/data-table.tsx'
import { Loaded, Panel } from '../parts/page.tsx'
import { Problem } from '../parts/problem.tsx'
import { StateBadge } from '../parts/state-badge.tsx'
import { UnsavedGuard } from '../parts/unsaved.tsx'
import { useMay } from '../session/session.tsx'
import { useChangeTracking, useKnockDays, useKnockPreview } from './calls.ts'
import css from './hygiene.module.css'

const QUIET_LEAST = 3
const QUIET_MOST = 180

interface TrackingProps {
  readonly app: string
  readonly found: Reading<UninstallTracking>
}

/** Goes on from `base` while something is typed, whatever the server has by then: its ETag finds that out. */
export function TrackingPanel({ app, found }: TrackingProps): ReactElement {
  const t = useTexts('hygiene')
  const mayManage = useMay('manage')
  const [base, setBase] = useState(found)
  const stored = base.data
  const [enabled, setEnabled] = useState(stored.enabled)
  const [mode, setMode] = useState(stored.mode)
  const [quietDays, setQuietDays] = useState<number | ''>(stored.quietDays)
  const change = useChangeTracking(app)
  const isSound = quietDays !== '' && quietDays >= QUIET_LEAST && quietDays <= QUIET_MOST
  const isDirty = enabled !== stored.enabled || mode !== stored.mode || quietDays !== stored.quietDays
  const take = (reading: Reading<UninstallTracking>): void => {
    setBase(reading)
    setEnabled(reading.data.enabled)
    setMode(reading.data.mode)
    setQuietDays(reading.data.quietDays)
  }
  if (found.etag !== base.etag && !isDirty) take(found)
  const showTheirs = (): void => {
    take(found)
    change.reset()
  }
  return (
    <Panel
      title={t('tracking.title')}
      aside={
        <StateBadge
          tone={stored.enabled ? 'good' : 'plain'}
          label={t(stored.enabled ? 'tracking.on' : 'tracking.off')}
        />
      }
    >
      <UnsavedGuard isDirty={isDirty && !change.isPending && !change.isSuccess} />
      <form
        onSubmit={event => {
          event.preventDefault()
          const wanted = { enabled, mode, quietDays: Number(quietDays) }
          if (!isSound) return
          const saved = { onSuccess: (data: UninstallTracking) => take({ data, etag: undefined }) }
          change.mutate({ wanted, ifMatch: base.etag }, saved)
        }}
      >
        <Stack gap="md">
          <Text size="sm" c="dimmed" maw={720}>
            {t('tracking.about')}
          </Text>
          <Switch
            label={t('tracking.switch')}
            checked={enabled}
            disabled={!mayManage}
            onChange={event => setEnabled(event.currentTarget.checked)}
          />
          <div>
            <Text size="sm" fw={500} mb={4}>
              {t('tracking.whom')}
            </Text>
            <SegmentedControl
              size="xs"
              aria-label={t('tracking.whom')}
              value={mode}
              disabled={!mayManage}
              onChange={value => setMode(value as UninstallTracking['mode'])}
              data={(['doubt', 'daily'] as const).map(value => ({
                value,
                label: t(`tracking.${value}`),
              }))}
            />
            <Text size="sm" c="dimmed" mt={4} maw={720}>
              {t(`tracking.${mode}.about`)}
            </Text>
          </div>
          <NumberInput
            className={css.days ?? ''}
            label={t('tracking.quiet')}
            suffix={t('days.suffix', { count: Number(quietDays) })}
            value={quietDays}
            disabled={!mayManage}
            allowDecimal={false}
            hideControls
            error={!isSound && t('days.range', { least: QUIET_LEAST, most: QUIET_MOST })}
            onChange={value => setQuietDays(value === '' ? '' : Number(value))}
          />
          <Knocks app={app} mode={mode} quietDays={Number(quietDays)} isValid={isSound} />
          {isChangedMeanwhile(change.error) ? (
            <Changed error={change.error} verb={t('theirs')} onTheirs={showTheirs} />
          ) : (
            change.error && <Problem error={change.error} title={t('save.failed')} />
          )}
          {mayManage && (
            <Group>
              <Button type="submit" disabled={!isDirty || !isSound} loading={change.isPending}>
                {t(enabled && !stored.enabled ? 'tracking.start' : 'save')}
              </Button>
            </Group>
          )}
        </Stack>
      </form>
    </Panel>
  )
}

interface KnocksProps {
  readonly app: string
  readonly mode: UninstallTracking['mode']
  readonly quietDays: number
  readonly isValid: boolean
}

function Knocks({ app, ...wish }: KnocksProps): ReactElement {
  const t = useTexts('hygiene')
  return (
    <Loaded query={useKnockPreview(app, wish)} lines={1}>
      {({ knocks, of, isEstimate }) => (
        <Text size="sm" fw={600} aria-live="polite">
          {t(isEstimate ? 'tracking.estimate' : 'tracking.exact', { knocks, of })}
        </Text>
      )}
    </Loaded>
  )
}

export function KnockDays({ app, isOn }: { readonly app: string; readonly isOn: boolean }): ReactElement {
  const t = useTexts('hygiene')
  const query = useKnockDays(app)
  return (
    <Loaded query={query} lines={2}>
      {days =>
        days.length === 0 ? (
          isOn && (
            <Text size="sm" c="dimmed">
              {t('knocks.none')}
            </Text>
          )
        ) : (
          <Panel title={t('knocks.title')}>
            <DayTable days={days} />
          </Panel>
        )
      }
    </Loaded>
  )
}

function DayTable({ days }: { readonly days: readonly KnockDay[] }): ReactElement {
  const t = useTexts('hygiene')
  const format = useFormat()
  const number = (name: 'pushed' | 'accepted' | 'dead' | 'failed' | 'cutOff'): Column<KnockDay> => ({
    key: name,
    title: t(`knocks.${name}`),
    isNumber: true,
    cell: day => format.count(day[name]),
  })
  const columns: Column<KnockDay>[] = [
    {
      key: 'day',
      title: t('knocks.day'),
      width: 'minmax(0, 1.4fr)',
      cell: ({ day, closedAt, isPartial }) => (
        <>
          {format.date(day)}
          {closedAt === null && ` · ${t('knocks.running')}`}
          {isPartial && ` · ${t('knocks.partial')}`}
        </>
      ),
    },
    number('pushed'),
    number('accepted'),
    number('dead'),
    number('failed'),
    number('cutOff'),
  ]
  return <DataTable label={t('knocks.title')} columns={columns} rows={days} keyOf={({ day }) => day} />
}
