/** Variants of the text, a control group, and what the rest of the audience gets. */
import { ActionIcon, Button, Stack, Switch, Text } from '@mantine/core'
import type { ReactElement } from 'react'
import { useFormat, useTexts } from '../i18n/language.tsx'
import css from './compose.module.css'
import { EMPTY_VARIANT, type ExperimentDraft, type VariantDraft } from './draft.ts'
import { Choice, FaultLine, Json, Line, Section, Span } from './field.tsx'
import { restOf } from './request.ts'

const VARIANTS_MAX = 7
const LETTERS = 'ABCDEFG'

export interface ExperimentProps {
  readonly experiment: ExperimentDraft
  readonly onChange: (given: Partial<ExperimentDraft>) => void
}

export function ExperimentSection({ experiment, onChange }: ExperimentProps): ReactElement {
  const t = useTexts('compose')
  const { isOn, variants } = experiment
  return (
    <Section
      title={t('experiment')}
      told={isOn ? t('experiment.told', { count: variants.length }) : t('experiment.off')}
      places={isOn ? placesOf(variants) : []}
    >
      <Stack gap="md">
        <Switch
          label={t('experiment.on')}
          checked={isOn}
          onChange={event => onChange({ isOn: event.currentTarget.checked })}
        />
        {isOn && <Variants experiment={experiment} onChange={onChange} />}
        {isOn && <Rest experiment={experiment} onChange={onChange} />}
      </Stack>
    </Section>
  )
}

function placesOf(variants: readonly VariantDraft[]): string[] {
  const own = variants.flatMap((_, at) =>
    ['name', 'percent', 'title', 'body', 'content'].map(it => `experiment.variants.${at}.${it}`),
  )
  return ['experiment', 'experiment.controlPercent', 'experiment.winner', ...own]
}

function Variants({ experiment, onChange }: ExperimentProps): ReactElement {
  const t = useTexts('compose')
  const { variants } = experiment
  const set = (at: number, given: Partial<VariantDraft>): void =>
    onChange({ variants: variants.with(at, { ...(variants[at] ?? EMPTY_VARIANT), ...given }) })
  return (
    <Stack gap="md">
      <Text size="sm" c="dimmed">
        {t('experiment.hint')}
      </Text>
      {variants.map((variant, at) => (
        <fieldset
          // biome-ignore lint/suspicious/noArrayIndexKey: their names change while they are typed
          key={at}
          style={{ border: '1px solid var(--line)', borderRadius: 8, padding: '4px 14px 14px', margin: 0 }}
        >
          <legend style={{ padding: '0 6px', fontWeight: 600 }}>
            {t('variant', { name: variant.name || String(at + 1) })}
          </legend>
          <div className={css.row}>
            <div className={css.grow}>
              <Line
                label={t('variant.name')}
                value={variant.name}
                place={`experiment.variants.${at}.name`}
                onValue={name => set(at, { name })}
              />
            </div>
            <div className={css.grow}>
              <Line
                label={t('variant.percent')}
                inputMode="decimal"
                value={variant.percent}
                place={`experiment.variants.${at}.percent`}
                onValue={percent => set(at, { percent })}
              />
            </div>
            {variants.length > 2 && (
              <ActionIcon
                mt={24}
                size={36}
                variant="subtle"
                color="gray"
                aria-label={t('variant.remove', { name: variant.name })}
                onClick={() => onChange({ variants: variants.toSpliced(at, 1) })}
              >
                ×
              </ActionIcon>
            )}
          </div>
          <Stack gap="xs" mt="xs">
            <Line
              label={t('field.title')}
              placeholder={t('variant.same')}
              value={variant.title}
              place={`experiment.variants.${at}.title`}
              onValue={title => set(at, { title })}
            />
            <Line
              label={t('field.body')}
              placeholder={t('variant.same')}
              value={variant.body}
              place={`experiment.variants.${at}.body`}
              onValue={body => set(at, { body })}
            />
            <Json
              label={t('variant.more')}
              placeholder='{"image": "https://…", "languages": {"de": {"title": "…"}}}'
              value={variant.more}
              place={`experiment.variants.${at}.content`}
              onValue={more => set(at, { more })}
            />
          </Stack>
        </fieldset>
      ))}
      {variants.length < VARIANTS_MAX && (
        <div>
          <Button
            size="xs"
            variant="default"
            onClick={() => {
              const used = new Set(variants.map(it => it.name))
              const name = [...LETTERS].find(it => !used.has(it)) ?? ''
              onChange({ variants: [...variants, { ...EMPTY_VARIANT, name, percent: '10' }] })
            }}
          >
            {t('variant.add')}
          </Button>
        </div>
      )}
    </Stack>
  )
}

function Rest({ experiment, onChange }: ExperimentProps): ReactElement {
  const t = useTexts('compose')
  const format = useFormat()
  const rest = restOf(experiment)
  return (
    <Stack gap="md">
      <div className={css.lane}>
        <Line
          label={t('experiment.control')}
          description={t('experiment.control.hint')}
          placeholder="0"
          inputMode="decimal"
          value={experiment.controlPercent}
          place="experiment.controlPercent"
          onValue={controlPercent => onChange({ controlPercent })}
        />
      </div>
      <FaultLine place="experiment" />
      {rest > 0 && (
        <>
          <Text size="sm" fw={600}>
            {t('experiment.rest', { share: format.percent(rest / 100) })}
          </Text>
          <div className={css.lane}>
            <Choice
              label={t('experiment.decides')}
              value={experiment.decides}
              options={(['numbers', 'hand'] as const).map(value => ({
                value,
                label: t(`experiment.decides.${value}`),
              }))}
              onValue={decides => onChange({ decides })}
            />
            {experiment.decides === 'numbers' && (
              <>
                <Span
                  label={t('experiment.after')}
                  value={experiment.after}
                  place="experiment.winner"
                  onValue={after => onChange({ after })}
                />
                <Choice
                  label={t('experiment.metric')}
                  value={experiment.metric}
                  options={(['opened', 'delivered'] as const).map(value => ({
                    value,
                    label: t(`experiment.metric.${value}`),
                  }))}
                  onValue={metric => onChange({ metric })}
                />
                <Choice
                  label={t('experiment.unclear')}
                  value={experiment.ifUnclear}
                  options={(['best', 'first', 'wait'] as const).map(value => ({
                    value,
                    label: t(`experiment.unclear.${value}`),
                  }))}
                  onValue={ifUnclear => onChange({ ifUnclear })}
                />
              </>
            )}
          </div>
        </>
      )}
    </Stack>
  )
}
