/** Which segments a device is in, which not, and of each why. */
import { Button, Group, Stack, Text } from '@mantine/core'
import type { SegmentOfDevice, SegmentReason } from '@roost/protocol'
import { type ReactElement, useState } from 'react'
import { useTexts } from '../i18n/language.tsx'
import { Ago } from '../parts/ago.tsx'
import { TextLink } from '../parts/link.tsx'
import { Loaded, Panel, Waiting } from '../parts/page.tsx'
import { Problem } from '../parts/problem.tsx'
import { StateBadge } from '../parts/state-badge.tsx'
import { ConditionInWords } from '../segments/words.tsx'
import { useReasons, useSegmentsOf } from './calls.ts'
import css from './devices.module.css'
import { writeValue } from './tag-value.ts'

export interface DeviceSegmentsProps {
  readonly app: string
  readonly hwid: string
}

export function DeviceSegments({ app, hwid }: DeviceSegmentsProps): ReactElement {
  const t = useTexts('device')
  const { data, error, refetch, hasNextPage, isFetchingNextPage, fetchNextPage } = useSegmentsOf(app, hwid)
  const common = useTexts('common')
  const segments = data?.pages.flatMap(page => page.segments) ?? []
  // those that it is in come first; the others stay in the order of the list of segments
  const sorted = segments.toSorted((one, other) => Number(other.isMember) - Number(one.isMember))
  return (
    <Panel title={t('segments')}>
      {error ? (
        <Problem error={error} onRetry={() => void refetch()} />
      ) : data === undefined ? (
        <Waiting lines={3} />
      ) : sorted.length === 0 ? (
        <Text size="sm" c="dimmed">
          {t('segments.none')}
        </Text>
      ) : (
        <ul className={css.segments}>
          {sorted.map(segment => (
            <OneSegment key={segment.id} app={app} hwid={hwid} segment={segment} />
          ))}
        </ul>
      )}
      {hasNextPage && (
        <Button size="xs" variant="default" loading={isFetchingNextPage} onClick={() => void fetchNextPage()}>
          {common('more')}
        </Button>
      )}
    </Panel>
  )
}

interface OneSegmentProps extends DeviceSegmentsProps {
  readonly segment: SegmentOfDevice
}

function OneSegment({ app, hwid, segment }: OneSegmentProps): ReactElement {
  const t = useTexts('device')
  const [isOpen, setOpen] = useState(false)
  const { id, name, isMember, asOf, problem } = segment
  const state = isMember === null ? 'unknown' : isMember ? 'in' : 'out'
  return (
    <li>
      <Group gap="sm" justify="space-between">
        <Group gap="sm">
          <StateBadge tone={isMember ? 'good' : 'plain'} label={t(`segments.${state}`)} />
          <TextLink to="/apps/$app/segments/$segment" params={{ app, segment: id }} size="sm">
            {name}
          </TextLink>
          {asOf && (
            <Text span size="xs" c="dimmed">
              {t('segments.computed')} <Ago at={asOf} />
            </Text>
          )}
        </Group>
        <Button
          size="compact-xs"
          variant="default"
          aria-expanded={isOpen}
          aria-label={t('segments.why.of', { name })}
          onClick={() => setOpen(!isOpen)}
        >
          {t('segments.why')}
        </Button>
      </Group>
      {isOpen &&
        (problem ? <Text size="sm">{problem}</Text> : <Reasons app={app} hwid={hwid} segment={segment} />)}
    </li>
  )
}

function Reasons({ app, hwid, segment }: OneSegmentProps): ReactElement {
  const t = useTexts('device')
  const query = useReasons(app, hwid, segment.id)
  return (
    <Loaded query={query} lines={2}>
      {({ reasons, matchesNow, isMember, hasMore }) => (
        <Stack gap={6} mt={6}>
          {matchesNow !== isMember && (
            <Text size="sm">{t(matchesNow ? 'segments.next.in' : 'segments.next.out')}</Text>
          )}
          {reasons.map(reason => (
            <Reason key={reason.expression} app={app} reason={reason} />
          ))}
          {hasMore && (
            <Text size="sm" c="dimmed">
              {t('segments.reasons.more')}
            </Text>
          )}
        </Stack>
      )}
    </Loaded>
  )
}

/** What is asked for, whether it is so, and what the device has instead. */
function Reason({ app, reason }: { readonly app: string; readonly reason: SegmentReason }): ReactElement {
  const t = useTexts('device')
  const { condition, isTrue, value } = reason
  const hasValue = 'op' in condition && (condition.tag !== undefined || value !== null)
  return (
    <Group gap="sm" align="flex-start" wrap="nowrap">
      <Text span size="sm" fw={600} style={{ flex: 'none' }}>
        {t(isTrue ? 'segments.is' : 'segments.isNot')}
      </Text>
      <div style={{ minWidth: 0 }}>
        <ConditionInWords app={app} condition={condition} />
        {hasValue && (
          <Text size="xs" c="dimmed" style={{ overflowWrap: 'anywhere' }}>
            {value === null ? t('segments.hasNone') : t('segments.has', { value: writeValue(value) })}
          </Text>
        )}
      </div>
    </Group>
  )
}
