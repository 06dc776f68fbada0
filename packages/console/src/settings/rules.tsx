/** Quiet hours, cap and categories. Two people who change them at once do not overwrite each other: the second is told. */
import {
  Button,
  NumberInput,
  Select,
  SimpleGrid,
  Stack,
  Switch,
  TagsInput,
  Text,
  TextInput,
} from '@mantine/core'
import type { AppRules } from '@roost/protocol'
import { type ReactElement, useEffect, useState } from 'react'
import { ApiProblem, type Reading } from '../api/client.ts'
import { useTexts } from '../i18n/language.tsx'
import { Loaded, Panel } from '../parts/page.tsx'
import { Problem } from '../parts/problem.tsx'
import { useMay } from '../session/session.tsx'
import { useChangeRules, useRulesReading } from './calls.ts'
import {
  badCategories,
  CAP_DAYS_MAX,
  CAP_MESSAGES_MAX,
  changeFrom,
  draftOf,
  faultsIn,
  offsets,
  type RulesDraft,
  writeOffset,
} from './rules-draft.ts'
import { SaveLine } from './save-line.tsx'

export interface RulesPanelProps {
  readonly app: string
  readonly onDirty: (isDirty: boolean) => void
}

export function RulesPanel({ app, onDirty }: RulesPanelProps): ReactElement {
  const t = useTexts('settings')
  const reading = useRulesReading(app)
  return (
    <Panel title={t('rules')}>
      <Text size="sm" c="dimmed" mb="md">
        {t('rules.about')}
      </Text>
      <Loaded query={reading} lines={6}>
        {found => <RulesForm app={app} found={found} onDirty={onDirty} />}
      </Loaded>
    </Panel>
  )
}

interface RulesFormProps extends RulesPanelProps {
  readonly found: Reading<AppRules>
}

/** Goes on from `base` while something is typed, whatever the server has by then: its ETag finds that out. */
function RulesForm({ app, found, onDirty }: RulesFormProps): ReactElement {
  const t = useTexts('settings')
  const mayChange = useMay('manage')
  const change = useChangeRules(app)
  const [base, setBase] = useState(found)
  const [draft, setDraft] = useState(() => draftOf(found.data))
  const isDirty = JSON.stringify(draft) !== JSON.stringify(draftOf(base.data))
  const take = (reading: Reading<AppRules>): void => {
    setBase(reading)
    setDraft(draftOf(reading.data))
  }
  if (found.etag !== base.etag && !isDirty) take(found)
  useEffect(() => onDirty(isDirty), [isDirty, onDirty])
  const faults = faultsIn(draft)
  const isConflict = change.error instanceof ApiProblem && change.error.body.code === 'changed_meanwhile'
  const discard = (): void => {
    take(found)
    change.reset()
  }
  return (
    <form
      noValidate
      onSubmit={event => {
        event.preventDefault()
        if (Object.keys(faults).length > 0) return
        change.mutate(
          { patch: changeFrom(draftOf(base.data), draft), ifMatch: base.etag },
          { onSuccess: data => take({ data, etag: undefined }) },
        )
      }}
    >
      <Stack gap="lg" maw={560}>
        {isConflict ? (
          <Conflict onTheirs={discard} />
        ) : (
          change.error && <Problem error={change.error} title={t('rules.failed')} />
        )}
        <Fields
          draft={draft}
          mayChange={mayChange}
          onDraft={given => setDraft(before => ({ ...before, ...given }))}
        />
        {mayChange && (
          <SaveLine
            isDirty={isDirty}
            isSaved={change.isSuccess && !isDirty}
            isPending={change.isPending}
            onDiscard={discard}
          />
        )}
      </Stack>
    </form>
  )
}

function Conflict({ onTheirs }: { readonly onTheirs: () => void }): ReactElement {
  const t = useTexts('settings')
  return (
    <Stack gap="xs" align="flex-start" role="alert">
      <Text size="sm" fw={600}>
        {t('rules.changed')}
      </Text>
      <Button size="xs" variant="default" onClick={onTheirs}>
        {t('rules.theirs')}
      </Button>
    </Stack>
  )
}

interface FieldsProps {
  readonly draft: RulesDraft
  readonly mayChange: boolean
  readonly onDraft: (given: Partial<RulesDraft>) => void
}

function Fields(props: FieldsProps): ReactElement {
  const t = useTexts('settings')
  const { draft, mayChange, onDraft } = props
  const fault = faultsIn(draft).categories
  return (
    <>
      <div>
        <Switch
          label={t('quiet')}
          description={t('quiet.hint')}
          disabled={!mayChange}
          checked={draft.isQuiet}
          onChange={event => onDraft({ isQuiet: event.currentTarget.checked })}
        />
        {draft.isQuiet && <QuietFields {...props} />}
      </div>
      <div>
        <Switch
          label={t('cap')}
          description={t('cap.hint')}
          disabled={!mayChange}
          checked={draft.isCapped}
          onChange={event => onDraft({ isCapped: event.currentTarget.checked })}
        />
        {draft.isCapped && <CapFields {...props} />}
      </div>
      <TagsInput
        label={t('categories')}
        description={t('categories.hint')}
        readOnly={!mayChange}
        value={[...draft.categories]}
        error={fault && t(fault, { names: badCategories(draft.categories).join(', ') })}
        onChange={categories => onDraft({ categories })}
      />
    </>
  )
}

function QuietFields({ draft, mayChange, onDraft }: FieldsProps): ReactElement {
  const t = useTexts('settings')
  const faults = faultsIn(draft)
  return (
    <SimpleGrid cols={{ base: 1, xs: 2 }} mt="sm" spacing="sm">
      {(['from', 'to'] as const).map(end => (
        <TextInput
          key={end}
          type="time"
          label={t(`quiet.${end}`)}
          readOnly={!mayChange}
          value={draft[end]}
          error={faults[end] && t(faults[end])}
          onChange={event => onDraft({ [end]: event.currentTarget.value })}
        />
      ))}
      <Select
        label={t('quiet.action')}
        data={(['defer', 'drop'] as const).map(each => ({ value: each, label: t(`quiet.action.${each}`) }))}
        allowDeselect={false}
        readOnly={!mayChange}
        value={draft.action}
        onChange={value => onDraft({ action: value === 'drop' ? 'drop' : 'defer' })}
      />
      <Select
        label={t('quiet.otherwise')}
        data={offsets(draft.otherwise).map(each => ({ value: String(each), label: writeOffset(each) }))}
        allowDeselect={false}
        readOnly={!mayChange}
        value={String(draft.otherwise)}
        onChange={value => onDraft({ otherwise: Number(value) })}
      />
    </SimpleGrid>
  )
}

const CAP_FIELDS = [
  ['messages', CAP_MESSAGES_MAX],
  ['days', CAP_DAYS_MAX],
] as const

function CapFields({ draft, mayChange, onDraft }: FieldsProps): ReactElement {
  const t = useTexts('settings')
  const faults = faultsIn(draft)
  return (
    <SimpleGrid cols={{ base: 1, xs: 2 }} mt="sm" spacing="sm">
      {CAP_FIELDS.map(([field, max]) => (
        <NumberInput
          key={field}
          label={t(`cap.${field}`)}
          min={1}
          max={max}
          allowDecimal={false}
          clampBehavior="none"
          hideControls
          readOnly={!mayChange}
          value={draft[field]}
          error={faults[field] && t(faults[field])}
          onChange={value => onDraft({ [field]: value })}
        />
      ))}
    </SimpleGrid>
  )
}
