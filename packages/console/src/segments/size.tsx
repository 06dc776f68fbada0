/** How many are in it, how sure that is, and how many of them can be reached. */
import { Button, Group, Loader, Text, Tooltip } from '@mantine/core'
import type { SegmentReach, SegmentSize } from '@roost/protocol'
import type { ReactElement } from 'react'
import { useFormat, useTexts } from '../i18n/language.tsx'
import { Ago } from '../parts/ago.tsx'
import { boundsOf } from './bounds.ts'
import css from './segments.module.css'

export interface SizeFiguresProps {
  readonly size: SegmentSize
  /** These are still those of before. */
  readonly isBehind?: boolean
  readonly isCounting?: boolean
  readonly onExact: () => void
}

export function SizeFigures({
  size,
  isBehind = false,
  isCounting = false,
  onExact,
}: SizeFiguresProps): ReactElement {
  const t = useTexts('segments')
  const format = useFormat()
  const { estimate, exact, errorPercent, asOf, reach } = size
  const bounds = boundsOf(size)
  return (
    <div>
      <div aria-live="polite" aria-busy={isBehind} className={isBehind ? css.behind : undefined}>
        <Group gap="xs" align="baseline">
          <span className={css.big}>
            {exact === null && '≈ '}
            {format.count(exact ?? estimate)}
          </span>
          <Text span size="sm" c="dimmed">
            {t('size.devices', { count: exact ?? estimate })}
          </Text>
          {isBehind && <Loader size={14} aria-label={t('size.counting')} />}
        </Group>
        <Text size="sm" c="dimmed">
          {exact !== null
            ? t('size.exact')
            : errorPercent > 100
              ? t('size.atMost', { high: bounds.high })
              : t('size.between', { ...bounds, percent: format.percent(errorPercent / 100) })}{' '}
          · <Ago at={asOf} />
        </Text>
      </div>
      {reach && <Reach reach={reach} />}
      {exact === null && (
        <Button size="xs" variant="default" mt="md" loading={isCounting} onClick={onExact}>
          {t('size.count')}
        </Button>
      )}
    </div>
  )
}

const STEPS = ['devices', 'withAddress', 'valid', 'permitted'] as const

/** From all of them down to those who are sent to, with how many are lost at each step. */
function Reach({ reach }: { readonly reach: SegmentReach }): ReactElement {
  const t = useTexts('segments')
  const format = useFormat()
  return (
    <ol className={css.steps} aria-label={t('reach')} style={{ marginTop: 16 }}>
      {STEPS.map((step, at) => {
        const before = STEPS[at - 1]
        const lost = before ? reach[before] - reach[step] : 0
        return (
          <li key={step}>
            <div className={css.stepRow}>
              <Tooltip label={t(`reach.${step}.hint`)} multiline maw={280}>
                <span>{t(`reach.${step}`)}</span>
              </Tooltip>
              <span>
                {lost > 0 && <span className={css.lost}>−{format.count(lost)} </span>}
                <b>{format.count(reach[step])}</b>
              </span>
            </div>
            <div className={css.stepBar} aria-hidden>
              <div
                className={css.stepFill}
                style={{ width: `${reach.devices === 0 ? 0 : (reach[step] / reach.devices) * 100}%` }}
              />
            </div>
          </li>
        )
      })}
    </ol>
  )
}
