/** What a policy would take out of the base, counted on the base as it is. */
import { SimpleGrid, Stack, Table, Text } from '@mantine/core'
import type { PolicyPreview } from '@roost/protocol'
import type { ReactElement } from 'react'
import { useDeviceLooks } from '../devices/looks.ts'
import { useFormat, useTexts } from '../i18n/language.tsx'
import { Panel } from '../parts/page.tsx'
import css from './hygiene.module.css'

export function PreviewPanel({ preview }: { readonly preview: PolicyPreview }): ReactElement {
  const t = useTexts('hygiene')
  return (
    <Panel title={t('preview.title')}>
      <Stack gap="md" aria-live="polite">
        <RemovalSentence preview={preview} />
        <SimpleGrid cols={{ base: 1, md: 2 }} spacing="xl">
          <Ages preview={preview} />
          <ByReason preview={preview} />
        </SimpleGrid>
      </Stack>
    </Panel>
  )
}

/** "Would remove 12,431 of 1,000,000", and how many else. */
export function RemovalSentence({ preview }: { readonly preview: PolicyPreview }): ReactElement {
  const t = useTexts('hygiene')
  const format = useFormat()
  const { wouldRemove, addresses, policy } = preview
  const erased = preview.removed.filter(({ reason }) => reason === 'erased')
  const devices = erased.reduce((sum, { count }) => sum + count, 0)
  return (
    <div>
      <div className={css.large}>{t('preview.count', { count: wouldRemove, whole: addresses })}</div>
      <Text size="sm" c="dimmed">
        {format.share(wouldRemove, addresses)} ·{' '}
        {policy.removeInactive ? t('preview.with', { days: policy.inactiveDays }) : t('preview.without')}
      </Text>
      {preview.errorPercent > 0 && (
        <Text size="sm" c="dimmed">
          {t('preview.estimate', { percent: format.percent(preview.errorPercent / 100) })}
        </Text>
      )}
      {devices > 0 && (
        <Text size="sm" fw={600}>
          {t('preview.erased', { count: devices })}
        </Text>
      )}
    </div>
  )
}

/** By days since the app was opened last. */
function Ages({ preview }: { readonly preview: PolicyPreview }): ReactElement {
  const t = useTexts('hygiene')
  const format = useFormat()
  const { byAge, policy } = preview
  const most = Math.max(1, ...byAge.map(({ addresses }) => addresses))
  return (
    <section aria-label={t('preview.ages')}>
      <Text size="sm" fw={600} mb="xs">
        {t('preview.ages')}
      </Text>
      <div className={css.ages}>
        {byAge.map(({ fromDays, toDays, addresses }) => (
          <AgeRow
            key={fromDays}
            label={
              toDays === null
                ? t('preview.over', { from: fromDays })
                : t('preview.between', { from: fromDays, to: Math.max(fromDays, toDays - 1) })
            }
            share={addresses / most}
            isRemoved={policy.removeInactive && fromDays >= policy.inactiveDays}
            count={format.count(addresses)}
          />
        ))}
      </div>
    </section>
  )
}

interface AgeRowProps {
  readonly label: string
  readonly share: number
  readonly isRemoved: boolean
  readonly count: string
}

function AgeRow({ label, share, isRemoved, count }: AgeRowProps): ReactElement {
  return (
    <>
      <Text size="sm" c="dimmed">
        {label}
      </Text>
      <div className={css.ageBar} data-removed={isRemoved || undefined} aria-hidden>
        <div style={{ width: `${share * 100}%` }} />
      </div>
      <Text size="sm" ta="right">
        {count}
      </Text>
    </>
  )
}

function ByReason({ preview }: { readonly preview: PolicyPreview }): ReactElement {
  const t = useTexts('hygiene')
  const format = useFormat()
  const looks = useDeviceLooks()
  if (preview.removed.length === 0)
    return (
      <Text size="sm" c="dimmed">
        {t('preview.nothing')}
      </Text>
    )
  return (
    <section aria-label={t('preview.reasons')}>
      <Text size="sm" fw={600} mb="xs">
        {t('preview.reasons')}
      </Text>
      <Table fz="sm">
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{t('reason')}</Table.Th>
            <Table.Th>{t('platform')}</Table.Th>
            <Table.Th ta="right">{t('count')}</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {preview.removed.map(({ reason, platform, count }) => (
            <Table.Tr key={`${reason} ${platform}`}>
              <Table.Td>{t.known(`reason.${reason}`) ?? reason}</Table.Td>
              <Table.Td>{platform === 'unknown' ? t('platform.unknown') : looks.platform(platform)}</Table.Td>
              <Table.Td ta="right">{format.count(count)}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </section>
  )
}
