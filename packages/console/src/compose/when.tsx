/** When it is sent: at once, at a moment, by the clock or the habits of each device, again and again, or when something happens. */
import { ActionIcon, Button, Checkbox, Chip, Group, Radio, Stack, Switch, Text } from '@mantine/core'
import type { ReactElement } from 'react'
import { useFormat, useTexts } from '../i18n/language.tsx'
import { Panel } from '../parts/page.tsx'
import { useSuggestedNames } from './calls.ts'
import css from './compose.module.css'
import { cronOf, type Times, timesOf } from './cron.ts'
import { MOMENTS, type Moment, type WhenDraft, type WhereDraft } from './draft.ts'
import { Choice, FaultLine, Line, Span } from './field.tsx'
import { instantOf } from './request.ts'

export interface WhenProps {
  readonly app: string
  readonly when: WhenDraft
  /** What is changed goes out once, as it did before. */
  readonly isOnce?: boolean
  readonly onChange: (given: Partial<WhenDraft>) => void
}

export function WhenPanel(props: WhenProps): ReactElement {
  const t = useTexts('compose')
  const { when, isOnce = false, onChange } = props
  return (
    <Panel title={t('when')}>
      <Stack gap="md">
        <Radio.Group
          aria-label={t('when')}
          value={when.kind}
          onChange={kind => onChange({ kind: kind as Moment })}
        >
          <div className={css.lane}>
            {MOMENTS.filter(kind => !isOnce || (kind !== 'cron' && kind !== 'event')).map(kind => (
              <Radio key={kind} value={kind} label={t(`when.${kind}`)} description={t(`when.${kind}.hint`)} />
            ))}
          </div>
        </Radio.Group>
        <Details {...props} />
      </Stack>
    </Panel>
  )
}

function Details(props: WhenProps): ReactElement | null {
  switch (props.when.kind) {
    case 'now':
      return null
    case 'at':
      return <AtFields {...props} />
    case 'local':
      return <LocalFields {...props} />
    case 'best':
      return <BestFields {...props} />
    case 'cron':
      return <CronFields {...props} />
    case 'event':
      return <EventFields {...props} />
  }
}

function AtFields({ when, onChange }: WhenProps): ReactElement {
  const t = useTexts('compose')
  return (
    <div className={css.lane}>
      <Line
        type="datetime-local"
        label={t('when.moment')}
        value={when.at}
        place="sendAt"
        description={<MomentTold at={when.at} />}
        onValue={at => onChange({ at })}
      />
    </div>
  )
}

/** In words, with the zone whose clock is meant: a field of date and time doesn't say. */
function MomentTold({ at }: { readonly at: string }): ReactElement {
  const t = useTexts('compose')
  const format = useFormat()
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone
  const instant = instantOf(at)
  return (
    <>
      {instant
        ? t('when.moment.told', { moment: format.moment(instant), zone })
        : t('when.moment.hint', { zone })}
    </>
  )
}

function LocalFields({ when, onChange }: WhenProps): ReactElement {
  const t = useTexts('compose')
  return (
    <div className={css.lane}>
      <Line
        type="datetime-local"
        label={t('when.localAt')}
        value={when.localAt}
        place="localTime"
        onValue={localAt => onChange({ localAt })}
      />
      <Passed when={when} onChange={onChange} />
      <OtherwiseZone when={when} onChange={onChange} />
    </div>
  )
}

type PartProps = Omit<WhenProps, 'app'>

function Passed({ when, onChange }: PartProps): ReactElement {
  const t = useTexts('compose')
  return (
    <Choice
      label={t('when.passed')}
      value={when.passed}
      options={(['now', 'nextDay', 'skip'] as const).map(value => ({
        value,
        label: t(`when.passed.${value}`),
      }))}
      onValue={passed => onChange({ passed })}
    />
  )
}

function OtherwiseZone({ when, onChange }: PartProps): ReactElement {
  const t = useTexts('compose')
  return (
    <ZoneField
      label={t('when.otherwiseZone')}
      placeholder={t('when.zone.app')}
      value={when.otherwiseTimeZone}
      place="localTime.otherwiseTimeZone"
      onValue={otherwiseTimeZone => onChange({ otherwiseTimeZone })}
    />
  )
}

interface ZoneProps {
  readonly label: string
  readonly placeholder: string
  readonly value: string
  readonly place: string
  readonly onValue: (value: string) => void
}

function ZoneField(props: ZoneProps): ReactElement {
  return (
    <>
      <Line {...props} list="compose-zones" />
      <datalist id="compose-zones">
        {Intl.supportedValuesOf('timeZone').map(zone => (
          <option key={zone} value={zone} />
        ))}
      </datalist>
    </>
  )
}

function BestFields({ when, onChange }: WhenProps): ReactElement {
  const t = useTexts('compose')
  return (
    <div className={css.lane}>
      <Line
        type="datetime-local"
        label={t('when.bestFrom')}
        description={when.at ? <MomentTold at={when.at} /> : t('when.bestFrom.hint')}
        value={when.at}
        place="sendAt"
        onValue={at => onChange({ at })}
      />
      <Line
        label={t('when.otherwiseHour')}
        placeholder={t('when.otherwiseHour.app')}
        inputMode="numeric"
        value={when.otherwiseHour}
        place="bestHour"
        onValue={otherwiseHour => onChange({ otherwiseHour })}
      />
      <OtherwiseZone when={when} onChange={onChange} />
    </div>
  )
}

function NameField({ when, onChange }: PartProps): ReactElement {
  const t = useTexts('compose')
  return (
    <Line
      label={t('when.name')}
      description={t('when.name.hint')}
      value={when.name}
      place="name"
      onValue={name => onChange({ name })}
    />
  )
}

const RHYTHMS = ['daily', 'weekly', 'monthly', 'own'] as const

function CronFields({ when, onChange }: WhenProps): ReactElement {
  const t = useTexts('compose')
  const times = timesOf(when.cron)
  const set = (given: Partial<Times>): void => {
    const next = { ...times, ...given }
    const cron = cronOf(next)
    // a rhythm without a day keeps the one that it had
    if (cron !== undefined || next.rhythm === 'own')
      onChange({ cron: cron ?? when.cron, isOwnCron: next.rhythm === 'own' })
  }
  const isOwn = times.rhythm === 'own' || when.isOwnCron
  return (
    <Stack gap="md">
      <div className={css.lane}>
        <NameField when={when} onChange={onChange} />
        <Choice
          label={t('when.rhythm')}
          value={isOwn ? 'own' : times.rhythm}
          options={RHYTHMS.map(value => ({ value, label: t(`when.rhythm.${value}`) }))}
          onValue={rhythm => set({ rhythm })}
        />
        {isOwn ? (
          <Line
            label={t('when.cron.label')}
            description={t('when.cron.fields')}
            value={when.cron}
            place="cron"
            onValue={cron => onChange({ cron, isOwnCron: true })}
          />
        ) : (
          <>
            <Line type="time" label={t('when.time')} value={times.time} onValue={time => set({ time })} />
            {times.rhythm === 'monthly' && (
              <Choice
                label={t('when.day')}
                value={String(times.day)}
                options={Array.from({ length: 31 }, (_, at) => ({
                  value: String(at + 1),
                  label: String(at + 1),
                }))}
                onValue={day => set({ day: Number(day) })}
              />
            )}
          </>
        )}
      </div>
      {!isOwn && times.rhythm === 'weekly' && (
        <Weekdays chosen={times.weekdays} onChosen={weekdays => set({ weekdays })} />
      )}
      <Switch
        label={t('when.cron.local')}
        checked={when.isLocal}
        onChange={event => onChange({ isLocal: event.currentTarget.checked })}
      />
      <div className={css.lane}>
        {when.isLocal ? (
          <>
            <Passed when={when} onChange={onChange} />
            <OtherwiseZone when={when} onChange={onChange} />
          </>
        ) : (
          <ZoneField
            label={t('when.zone')}
            placeholder={t('when.zone.app')}
            value={when.timeZone}
            place="timeZone"
            onValue={timeZone => onChange({ timeZone })}
          />
        )}
        <Choice
          label={t('when.missed')}
          value={when.missed}
          options={(['one', 'none'] as const).map(value => ({ value, label: t(`when.missed.${value}`) }))}
          onValue={missed => onChange({ missed })}
        />
      </div>
    </Stack>
  )
}

/** Any Sunday: the names of the days that follow it are those of the week. */
const SUNDAY = Date.UTC(2023, 0, 1)
const DAY_MS = 86_400_000

interface WeekdaysProps {
  readonly chosen: readonly number[]
  readonly onChosen: (chosen: readonly number[]) => void
}

function Weekdays({ chosen, onChosen }: WeekdaysProps): ReactElement {
  const t = useTexts('compose')
  const { tag } = useFormat()
  const names = new Intl.DateTimeFormat(tag, { weekday: 'short', timeZone: 'UTC' })
  return (
    <fieldset className={css.plain}>
      <legend className={css.columnTitle}>{t('when.weekdays')}</legend>
      <Chip.Group multiple value={chosen.map(String)} onChange={days => onChosen(days.map(Number))}>
        <Group gap={6}>
          {[1, 2, 3, 4, 5, 6, 0].map(day => (
            <Chip key={day} value={String(day)} size="sm">
              {names.format(SUNDAY + day * DAY_MS)}
            </Chip>
          ))}
        </Group>
      </Chip.Group>
    </fieldset>
  )
}

function EventFields({ app, when, onChange }: WhenProps): ReactElement {
  const t = useTexts('compose')
  const { data } = useSuggestedNames(app)
  return (
    <Stack gap="md">
      <div className={css.lane}>
        <NameField when={when} onChange={onChange} />
        <Line
          label={t('when.event.label')}
          description={t('when.event.label.hint')}
          list="compose-events"
          value={when.event}
          place="event"
          onValue={event => onChange({ event })}
        />
        <datalist id="compose-events">
          {(data?.events ?? []).map(({ name }) => (
            <option key={name} value={name} />
          ))}
        </datalist>
        <Span
          label={t('when.delay')}
          placeholder={t('when.delay.none')}
          value={when.delay}
          place="delaySeconds"
          onValue={delay => onChange({ delay })}
        />
        <Line
          label={t('when.once')}
          placeholder={t('when.once.none')}
          inputMode="numeric"
          value={when.oncePerDays}
          place="oncePerDays"
          onValue={oncePerDays => onChange({ oncePerDays })}
        />
        <Line
          label={t('when.cancelledBy')}
          description={t('when.cancelledBy.hint')}
          value={when.cancelledBy}
          onValue={cancelledBy => onChange({ cancelledBy })}
        />
      </div>
      <Where where={when.where} onWhere={where => onChange({ where })} />
      <Checkbox
        label={t('when.toUser')}
        checked={when.toUser}
        onChange={event => onChange({ toUser: event.currentTarget.checked })}
      />
      <Checkbox
        label={t('when.restarts')}
        checked={when.restartsDelay}
        onChange={event => onChange({ restartsDelay: event.currentTarget.checked })}
      />
    </Stack>
  )
}

const OPS = ['eq', 'ne', 'gte', 'lte', 'set', 'unset'] as const

interface WhereProps {
  readonly where: readonly WhereDraft[]
  readonly onWhere: (where: readonly WhereDraft[]) => void
}

/** What is asked of the event's attributes. */
function Where({ where, onWhere }: WhereProps): ReactElement {
  const t = useTexts('compose')
  return (
    <Stack gap="xs">
      <Text size="sm" fw={500}>
        {t('where')}
      </Text>
      {where.map((each, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: they have no names of their own
        <div className={css.row} key={at}>
          <div className={css.grow}>
            <Line
              label={t('where.attribute', { number: at + 1 })}
              value={each.attribute}
              place={`where.${at}`}
              onValue={attribute => onWhere(where.with(at, { ...each, attribute }))}
            />
          </div>
          <div className={css.grow}>
            <Choice
              label={t('where.op', { number: at + 1 })}
              value={each.op}
              options={OPS.map(value => ({ value: value as string, label: t(`op.${value}`) }))}
              onValue={op => onWhere(where.with(at, { ...each, op }))}
            />
          </div>
          {each.op !== 'set' && each.op !== 'unset' && (
            <div className={css.grow}>
              <Line
                label={t('where.value', { number: at + 1 })}
                value={each.value}
                onValue={value => onWhere(where.with(at, { ...each, value }))}
              />
            </div>
          )}
          <ActionIcon
            mt={24}
            size={36}
            variant="subtle"
            color="gray"
            aria-label={t('where.remove', { number: at + 1 })}
            onClick={() => onWhere(where.toSpliced(at, 1))}
          >
            ×
          </ActionIcon>
        </div>
      ))}
      <FaultLine place="where" />
      <div>
        <Button
          size="xs"
          variant="default"
          onClick={() => onWhere([...where, { attribute: '', op: 'eq', value: '' }])}
        >
          {t('where.add')}
        </Button>
      </div>
    </Stack>
  )
}
