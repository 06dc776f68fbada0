/** The ages of addresses: typed, tried on the base as it is, and stored when its numbers were seen. */
import { Button, Group, NumberInput, Stack, Switch, Text } from '@mantine/core'
import type { AddressPolicy, PolicyPreview } from '@roost/protocol'
import { type ReactElement, type ReactNode, useState } from 'react'
import type { Reading } from '../api/client.ts'
import { useTexts } from '../i18n/language.tsx'
import { Changed, isChangedMeanwhile } from '../parts/changed.tsx'
import { Confirm } from '../parts/confirm.tsx'
import { Panel } from '../parts/page.tsx'
import { Problem } from '../parts/problem.tsx'
import { UnsavedGuard } from '../parts/unsaved.tsx'
import { useMay } from '../session/session.tsx'
import { useChangePolicy, useTryPolicy } from './calls.ts'
import css from './hygiene.module.css'
import {
  changeOf,
  type DayField,
  faultsOfPolicy,
  formOf,
  MOST_DAYS,
  mayRemoveMore,
  type PolicyForm,
} from './policy.ts'
import { PreviewPanel, RemovalSentence } from './preview-panel.tsx'

export interface PolicyPanelProps {
  readonly app: string
  readonly found: Reading<AddressPolicy>
}

/** Goes on from `base` while something is typed, whatever the server has by then: its ETag finds that out. */
export function PolicyPanel({ app, found }: PolicyPanelProps): ReactElement {
  const t = useTexts('hygiene')
  const mayManage = useMay('manage')
  const [base, setBase] = useState(found)
  const stored = base.data
  const [form, setForm] = useState(() => formOf(stored))
  const [asked, setAsked] = useState<PolicyPreview>()
  const tried = useTryPolicy(app)
  const change = useChangePolicy(app)
  const faults = faultsOfPolicy(form)
  const isSound = Object.keys(faults).length === 0
  const isDirty = isSound ? Object.keys(changeOf(form, stored)).length > 0 : true
  const take = (reading: Reading<AddressPolicy>): void => {
    setBase(reading)
    setForm(formOf(reading.data))
  }
  if (found.etag !== base.etag && !isDirty) take(found)
  const set = (given: Partial<PolicyForm>): void => {
    setForm(before => ({ ...before, ...given }))
    tried.reset()
    change.reset()
  }
  const wanted = () => ({ ...changeOf(form, stored), removeInactive: form.removeInactive })
  const edit = () => ({ wanted: changeOf(form, stored), ifMatch: base.etag })
  const taken = (data: AddressPolicy): void => {
    take({ data, etag: undefined })
    setAsked(undefined)
  }
  const showTheirs = (): void => {
    take(found)
    change.reset()
    setAsked(undefined)
  }
  const save = (): void => {
    if (!mayRemoveMore(form, stored)) return change.mutate(edit(), { onSuccess: taken })
    tried.mutate(wanted(), { onSuccess: setAsked })
  }
  const preview = (): void => tried.mutate({ ...changeOf(form, stored), removeInactive: true })
  const fields = { form, set, isActive: mayManage }
  return (
    <>
      <UnsavedGuard isDirty={isDirty && !change.isPending && !change.isSuccess} />
      <Panel title={t('ages.title')}>
        <form
          onSubmit={event => {
            event.preventDefault()
            if (isSound) save()
          }}
        >
          <Stack gap="lg">
            <Rule title={t('inactive.title')} about={t('inactive.about')}>
              <Switch
                className={css.switch ?? ''}
                label={t('inactive.switch')}
                checked={form.removeInactive}
                disabled={!mayManage}
                onChange={event => set({ removeInactive: event.currentTarget.checked })}
              />
              <Days name="inactiveDays" {...fields} />
            </Rule>
            <Rule title={t('dormant.title')} about={t('dormant.about')}>
              <Days name="dormantDays" {...fields} />
              <Switch
                className={css.switch ?? ''}
                label={t('dormant.switch')}
                checked={form.sendToDormant}
                disabled={!mayManage}
                onChange={event => set({ sendToDormant: event.currentTarget.checked })}
              />
            </Rule>
            <Rule title={t('silent.title')} about={t('silent.about')}>
              <Days name="fcmDeadDays" {...fields} />
              <Days name="otherDeadDays" {...fields} />
            </Rule>
            <Rule title={t('erase.title')} about={t('erase.about')}>
              <Days name="tombstoneDays" {...fields} />
              <Days name="eraseDays" {...fields} />
            </Rule>
            {tried.error && <Problem error={tried.error} title={t('preview.failed')} />}
            {change.error && !asked && !isChangedMeanwhile(change.error) && (
              <Problem error={change.error} title={t('save.failed')} />
            )}
            {isChangedMeanwhile(change.error) && (
              <Changed error={change.error} verb={t('theirs')} onTheirs={showTheirs} />
            )}
            <Group gap="xs">
              <Button variant="default" loading={tried.isPending} disabled={!isSound} onClick={preview}>
                {t('preview')}
              </Button>
              {mayManage && (
                <Button type="submit" loading={change.isPending} disabled={!isSound || !isDirty}>
                  {t('save')}
                </Button>
              )}
            </Group>
          </Stack>
        </form>
      </Panel>
      {tried.data && !asked && <PreviewPanel preview={tried.data} />}
      <Confirm
        isOpen={asked !== undefined && !isChangedMeanwhile(change.error)}
        title={t('ages.confirm.title')}
        verb={t(form.removeInactive && !stored.removeInactive ? 'ages.confirm.on' : 'save')}
        isDangerous
        isPending={change.isPending}
        error={change.error}
        onConfirm={() => change.mutate(edit(), { onSuccess: taken })}
        onClose={() => setAsked(undefined)}
      >
        {asked && <RemovalSentence preview={asked} />}
        <Text size="sm" mt="sm">
          {t('ages.confirm.body')}
        </Text>
      </Confirm>
    </>
  )
}

interface RuleProps {
  readonly title: string
  readonly about: string
  readonly children: ReactNode
}

function Rule({ title, about, children }: RuleProps): ReactElement {
  return (
    <section aria-label={title}>
      <Text fw={600} size="sm">
        {title}
      </Text>
      <Text size="sm" c="dimmed" maw={720} mb="sm">
        {about}
      </Text>
      <Group gap="lg" align="flex-end">
        {children}
      </Group>
    </section>
  )
}

interface DaysProps {
  readonly name: DayField
  readonly form: PolicyForm
  readonly set: (given: Partial<PolicyForm>) => void
  readonly isActive: boolean
}

function Days({ name, form, set, isActive }: DaysProps): ReactElement {
  const t = useTexts('hygiene')
  const fault = faultsOfPolicy(form)[name]
  return (
    <NumberInput
      className={css.days ?? ''}
      label={t(`days.${name}`)}
      placeholder={name === 'eraseDays' ? t('days.never') : ''}
      suffix={t('days.suffix', { count: Number(form[name]) })}
      value={form[name]}
      disabled={!isActive}
      allowDecimal={false}
      allowNegative={false}
      hideControls
      error={
        fault &&
        (fault.kind === 'missing'
          ? t('days.missing')
          : t('days.range', { least: fault.least, most: MOST_DAYS }))
      }
      onChange={value => set({ [name]: value === '' ? '' : Number(value) })}
    />
  )
}
