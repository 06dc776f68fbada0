/** The tags of a device: read, set, changed, taken away. */
import {
  ActionIcon,
  Alert,
  Autocomplete,
  Button,
  Group,
  Modal,
  NativeSelect,
  Stack,
  Text,
  Textarea,
  TextInput,
} from '@mantine/core'
import { useForm } from '@mantine/form'
import type { TagType } from '@roost/protocol'
import { type ReactElement, useState } from 'react'
import { useFormat, useTexts } from '../i18n/language.tsx'
import { Panel } from '../parts/page.tsx'
import { Problem } from '../parts/problem.tsx'
import { useMay } from '../session/session.tsx'
import { useChangeTags, useTagDefinitions, useTagNames } from './calls.ts'
import css from './devices.module.css'
import { readValue, typeOf, WRITTEN_TYPES, writeValue } from './tag-value.ts'

export interface TagsPanelProps {
  readonly app: string
  readonly hwid: string
  readonly tags: Readonly<Record<string, unknown>>
}

export function TagsPanel({ app, hwid, tags }: TagsPanelProps): ReactElement {
  const t = useTexts('devices')
  const own = useTexts('device')
  const may = useMay('devices')
  const [edited, setEdited] = useState<string>()
  const change = useChangeTags(app, hwid)
  const names = Object.keys(tags).sort()
  return (
    <Panel
      title={t('tags')}
      aside={
        may && (
          <Button variant="default" size="xs" onClick={() => setEdited('')}>
            {own('tag.add')}
          </Button>
        )
      }
    >
      {change.error && <Problem error={change.error} />}
      {names.length === 0 && <Text c="dimmed">{t('tags.none')}</Text>}
      <dl className={css.tags}>
        {names.map(name => (
          <div key={name} className={css.tag}>
            <dt>{name}</dt>
            <dd>
              <TagValue value={tags[name]} />
            </dd>
            {may && (
              <dd className={css.tagActions}>
                <ActionIcon
                  variant="subtle"
                  size="sm"
                  aria-label={own('tag.change', { name })}
                  onClick={() => setEdited(name)}
                >
                  ✎
                </ActionIcon>
                <ActionIcon
                  variant="subtle"
                  color="red"
                  size="sm"
                  aria-label={own('tag.remove', { name })}
                  onClick={() => change.mutate({ [name]: null })}
                >
                  ×
                </ActionIcon>
              </dd>
            )}
          </div>
        ))}
      </dl>
      {edited !== undefined && (
        <TagEditor
          app={app}
          hwid={hwid}
          name={edited}
          value={tags[edited]}
          onClose={() => setEdited(undefined)}
        />
      )}
    </Panel>
  )
}

function TagValue({ value }: { readonly value: unknown }): ReactElement {
  const format = useFormat()
  const t = useTexts('device')
  if (Array.isArray(value)) return <>{format.list(value.map(writeValue))}</>
  if (typeof value === 'boolean') return <>{t(value ? 'yes' : 'no')}</>
  return <>{typeof value === 'number' ? format.count(value) : writeValue(value)}</>
}

interface TagEditorProps extends Omit<TagsPanelProps, 'tags'> {
  /** '' = a new one. */
  readonly name: string
  readonly value: unknown
  readonly onClose: () => void
}

function TagEditor({ app, hwid, name, value, onClose }: TagEditorProps): ReactElement {
  const t = useTexts('device')
  const common = useTexts('common')
  const suggested = useTagNames(app, name === '').data?.tags ?? []
  const definitions = useTagDefinitions(app).data ?? []
  const change = useChangeTags(app, hwid)
  const form = useForm({
    initialValues: {
      name,
      type: (value === undefined ? 'string' : typeOf(value)) as TagType,
      text: value === undefined ? '' : writeValue(value),
    },
    validate: {
      name: given => (given.trim() ? null : t('tag.name.missing')),
      text: (text, { type }) => {
        const read = readValue(type, text)
        return 'fault' in read ? t(`tag.fault.${read.fault}`) : null
      },
    },
  })
  const defined = definitions.find(each => each.name === form.values.name.trim())
  const type = defined?.type ?? form.values.type
  if (defined && form.values.type !== defined.type) form.setFieldValue('type', defined.type)
  const submit = form.onSubmit(({ name: tag, text }) => {
    const read = readValue(type, text)
    if ('fault' in read) return
    change.mutate(
      { [tag.trim()]: read.value },
      {
        onSuccess: ({ skippedTags }) => {
          const [skipped] = skippedTags
          if (skipped) form.setErrors({ text: t('tag.skipped', { reason: skipped.reason }) })
          else onClose()
        },
      },
    )
  })
  return (
    <Modal
      opened
      onClose={onClose}
      title={name === '' ? t('tag.add') : t('tag.change', { name })}
      centered
      closeButtonProps={{ 'aria-label': common('close') }}
    >
      <form onSubmit={submit} noValidate>
        <Stack gap="sm">
          {name === '' && (
            <Autocomplete
              label={t('tag.name')}
              data={suggested.filter(({ isDefault }) => !isDefault).map(each => each.name)}
              limit={8}
              data-autofocus
              {...form.getInputProps('name')}
            />
          )}
          <NativeSelect
            label={t('tag.type')}
            disabled={defined !== undefined}
            {...(defined && { description: t('tag.defined') })}
            data={WRITTEN_TYPES.map(each => ({ value: each, label: t(`tag.type.${each}`) }))}
            {...form.getInputProps('type')}
            value={type}
          />
          <ValueField type={type} label={t('tag.value')} input={form.getInputProps('text')} />
          {change.error && <Problem error={change.error} />}
          {defined?.isDefault && <Alert color="orange">{t('tag.ours')}</Alert>}
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={onClose}>
              {common('cancel')}
            </Button>
            <Button type="submit" loading={change.isPending} disabled={defined?.isDefault ?? false}>
              {common('save')}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  )
}

interface ValueFieldProps {
  readonly type: TagType
  readonly label: string
  readonly input: { readonly value?: string; readonly error?: unknown }
}

function ValueField({ type, label, input }: ValueFieldProps): ReactElement {
  const t = useTexts('device')
  if (type === 'list') {
    return (
      <Textarea label={label} description={t('tag.value.list')} autosize minRows={3} {...(input as object)} />
    )
  }
  if (type === 'boolean') {
    const data = [
      { value: '', label: '–' },
      { value: 'true', label: t('yes') },
      { value: 'false', label: t('no') },
    ]
    return <NativeSelect label={label} data={data} {...(input as object)} />
  }
  return <TextInput label={label} type={type === 'date' ? 'date' : 'text'} {...(input as object)} />
}
