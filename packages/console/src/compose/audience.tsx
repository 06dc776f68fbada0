/** Who gets it, and how many that are: an estimate that follows each change. */
import { Checkbox, Group, Radio, Stack, Text, Textarea } from '@mantine/core'
import type { SegmentSize } from '@roost/protocol'
import type { ReactElement } from 'react'
import { useFormat, useTexts } from '../i18n/language.tsx'
import { Panel } from '../parts/page.tsx'
import { Problem } from '../parts/problem.tsx'
import { useAudienceSize, useListNames, useSegmentNames } from './calls.ts'
import css from './compose.module.css'
import { AUDIENCES, type AudienceDraft, type AudienceKind, namesIn } from './draft.ts'
import { Choice, FaultLine } from './field.tsx'
import { conditionOf } from './request.ts'
import { useSettled } from './settled.ts'

export interface AudienceProps {
  readonly app: string
  readonly audience: AudienceDraft
  /** What recurs can't name devices one by one. */
  readonly isRecurring: boolean
  readonly onChange: (given: Partial<AudienceDraft>) => void
}

export function AudiencePanel({ app, audience, isRecurring, onChange }: AudienceProps): ReactElement {
  const t = useTexts('compose')
  const kinds = AUDIENCES.filter(kind => kind !== 'condition' || audience.kind === 'condition')
  return (
    <Panel title={t('audience')}>
      <Stack gap="md">
        <Radio.Group
          aria-label={t('audience')}
          value={audience.kind}
          onChange={kind => onChange({ kind: kind as AudienceKind })}
        >
          <Group gap="lg">
            {kinds.map(kind => (
              <Radio
                key={kind}
                value={kind}
                label={t(`audience.${kind}`)}
                disabled={isRecurring && (kind === 'devices' || kind === 'users')}
              />
            ))}
          </Group>
        </Radio.Group>
        <Chosen app={app} audience={audience} onChange={onChange} />
        <FaultLine place="to" />
        <Size app={app} audience={audience} />
      </Stack>
    </Panel>
  )
}

type ChosenProps = Omit<AudienceProps, 'isRecurring'>

function Chosen(props: ChosenProps): ReactElement | null {
  const t = useTexts('compose')
  const { audience, onChange } = props
  switch (audience.kind) {
    case 'all':
      return null
    case 'segment':
      return <SegmentChoice {...props} />
    case 'list':
      return <ListChoice {...props} />
    case 'condition':
      return (
        <Text size="sm" c="dimmed">
          {t('audience.condition.hint')}
        </Text>
      )
    case 'devices':
      return (
        <Names
          label={t('audience.devices.label')}
          value={audience.devices}
          onValue={devices => onChange({ devices })}
        />
      )
    case 'users':
      return (
        <Stack gap="xs">
          <Names
            label={t('audience.users.label')}
            value={audience.users}
            onValue={users => onChange({ users })}
          />
          <Checkbox
            label={t('audience.latest')}
            checked={audience.isLatest}
            onChange={event => onChange({ isLatest: event.currentTarget.checked })}
          />
        </Stack>
      )
  }
}

function SegmentChoice({ app, audience, onChange }: ChosenProps): ReactElement {
  const t = useTexts('compose')
  const { data = [], error, isPending } = useSegmentNames(app)
  if (error) return <Problem error={error} />
  const names = data.map(({ id, name }) => ({ value: id, label: name }))
  return (
    <Choice
      label={t('audience.segment')}
      value={audience.segment}
      {...(names.length === 0 && !isPending && { description: t('audience.segment.none') })}
      options={[{ value: '', label: t('choose') }, ...names]}
      onValue={segment => onChange({ segment })}
    />
  )
}

function ListChoice({ app, audience, onChange }: ChosenProps): ReactElement {
  const t = useTexts('compose')
  const format = useFormat()
  const { data = [], error, isPending } = useListNames(app, true)
  if (error) return <Problem error={error} />
  const names = data
    .filter(({ state, id }) => state === 'ready' || id === audience.list)
    .map(({ id, name, count }) => ({ value: id, label: `${name} (${format.count(count)})` }))
  return (
    <Choice
      label={t('audience.list')}
      value={audience.list}
      {...(names.length === 0 && !isPending && { description: t('audience.list.none') })}
      options={[{ value: '', label: t('choose') }, ...names]}
      onValue={list => onChange({ list })}
    />
  )
}

interface NamesProps {
  readonly label: string
  readonly value: string
  readonly onValue: (value: string) => void
}

function Names({ label, value, onValue }: NamesProps): ReactElement {
  const t = useTexts('compose')
  return (
    <Textarea
      label={label}
      description={t('audience.names', { count: namesIn(value).length })}
      autosize
      minRows={2}
      maxRows={8}
      spellCheck={false}
      value={value}
      onChange={event => onValue(event.currentTarget.value)}
    />
  )
}

function Size({
  app,
  audience,
}: {
  readonly app: string
  readonly audience: AudienceDraft
}): ReactElement | null {
  const t = useTexts('compose')
  const condition = useSettled(conditionOf(audience))
  const { data, error, isPlaceholderData } = useAudienceSize(app, condition)
  if (condition === undefined) return null
  if (error) return <Problem error={error} title={t('size.failed')} />
  return (
    <div aria-live="polite" style={{ minHeight: 58, opacity: isPlaceholderData ? 0.5 : 1 }}>
      {data && <Reach size={data} />}
    </div>
  )
}

/** "11 204 devices, ± 2 %" and how many of them can be reached. */
export function Reach({ size }: { readonly size: SegmentSize }): ReactElement {
  const t = useTexts('compose')
  const format = useFormat()
  const { estimate, errorPercent, reach } = size
  const isExact = errorPercent === 0
  return (
    <>
      <div className={css.number}>
        {t(isExact ? 'size.exact' : 'size.about', { count: reach?.permitted ?? estimate })}
      </div>
      <Text size="sm" c="dimmed">
        {reach &&
          (isExact && estimate === 0
            ? t('size.none')
            : t('size.of', { count: estimate, share: format.share(reach.permitted, estimate) }))}
        {!isExact && ` ${t('size.error', { percent: format.percent(errorPercent / 100) })}`}
      </Text>
    </>
  )
}
