/** The settings of one app: its name and clocks, and the rules that all its messages keep to. */
import { Select, Stack, Switch, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import { type ReactElement, useEffect, useMemo, useState } from 'react'
import { useFormat, useTexts } from '../i18n/language.tsx'
import { Fact, Facts } from '../parts/facts.tsx'
import { Id } from '../parts/id.tsx'
import { Loaded, PageHead, Panel } from '../parts/page.tsx'
import { Problem } from '../parts/problem.tsx'
import { UnsavedGuard } from '../parts/unsaved.tsx'
import { useFormFaults } from '../parts/use-faults.ts'
import { ReadOnlyMark, useAppCode, useMay } from '../session/session.tsx'
import { type AppPatch, type AppSettings, useAppSettings, useChangeApp } from './calls.ts'
import { EndPanel } from './end.tsx'
import { RulesPanel } from './rules.tsx'
import { SaveLine } from './save-line.tsx'

export function SettingsPage(): ReactElement {
  const t = useTexts('settings')
  const app = useAppCode()
  const settings = useAppSettings(app)
  const [isGeneralDirty, setGeneralDirty] = useState(false)
  const [areRulesDirty, setRulesDirty] = useState(false)
  return (
    <>
      <PageHead title={t('title')} about={t('about', { app: settings.data?.name ?? app })}>
        <ReadOnlyMark right="manage" />
      </PageHead>
      <Stack gap="md">
        <Panel title={t('general')}>
          <Loaded query={settings} lines={6}>
            {found => <GeneralForm settings={found} onDirty={setGeneralDirty} />}
          </Loaded>
        </Panel>
        <RulesPanel app={app} onDirty={setRulesDirty} />
        {settings.data && <EndPanel settings={settings.data} />}
      </Stack>
      <UnsavedGuard isDirty={isGeneralDirty || areRulesDirty} />
    </>
  )
}

interface GeneralFormProps {
  readonly settings: AppSettings
  readonly onDirty: (isDirty: boolean) => void
}

function GeneralForm({ settings, onDirty }: GeneralFormProps): ReactElement {
  const t = useTexts('settings')
  const format = useFormat()
  const mayChange = useMay('manage')
  const change = useChangeApp(settings.code)
  const { name, timeZone, needsPermission } = settings
  const form = useForm({
    initialValues: { name, timeZone, needsPermission },
    validate: { name: given => (given.trim() === '' ? t('name.missing') : null) },
  })
  const zones = useMemo(() => timeZones(timeZone), [timeZone])
  const isDirty = form.isDirty()
  useEffect(() => onDirty(isDirty), [isDirty, onDirty])
  const goOnFrom = (saved: AppSettings): void => {
    const values = { name: saved.name, timeZone: saved.timeZone, needsPermission: saved.needsPermission }
    form.setInitialValues(values)
    form.setValues(values)
    form.resetDirty(values)
  }
  const isAtFields = useFormFaults(form, change.error)
  const submit = form.onSubmit(values =>
    change.mutate(changed({ ...values, name: values.name.trim() }, { name, timeZone, needsPermission }), {
      onSuccess: goOnFrom,
    }),
  )
  return (
    <form onSubmit={submit} noValidate>
      <Stack gap="md" maw={560}>
        {change.error && !isAtFields && <Problem error={change.error} title={t('general.failed')} />}
        <TextInput label={t('name')} maxLength={128} readOnly={!mayChange} {...form.getInputProps('name')} />
        <Facts>
          <Fact name={t('code')}>
            <Id value={settings.code} />
          </Fact>
          <Fact name={t('since')}>{format.day(settings.createdAt)}</Fact>
        </Facts>
        <Select
          label={t('timeZone')}
          description={t('timeZone.hint')}
          data={zones}
          searchable={mayChange}
          limit={60}
          allowDeselect={false}
          nothingFoundMessage={t('timeZone.none')}
          readOnly={!mayChange}
          {...form.getInputProps('timeZone')}
        />
        <Switch
          label={t('permission')}
          description={t('permission.hint')}
          disabled={!mayChange}
          {...form.getInputProps('needsPermission', { type: 'checkbox' })}
        />
        {mayChange && (
          <SaveLine
            isDirty={isDirty}
            isSaved={change.isSuccess && !isDirty}
            isPending={change.isPending}
            onDiscard={() => {
              form.reset()
              change.reset()
            }}
          />
        )}
      </Stack>
    </form>
  )
}

/** The log tells what was sent: nothing that stayed as it was. */
function changed(values: Required<AppPatch>, before: Required<AppPatch>): AppPatch {
  return {
    ...(values.name !== before.name && { name: values.name }),
    ...(values.timeZone !== before.timeZone && { timeZone: values.timeZone }),
    ...(values.needsPermission !== before.needsPermission && { needsPermission: values.needsPermission }),
  }
}

/** The browser's own, and the one that is kept. */
function timeZones(kept: string): string[] {
  return [...new Set(['UTC', ...Intl.supportedValuesOf('timeZone'), kept])].sort()
}
