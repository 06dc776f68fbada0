/**
 * Uploads a credential, or the new content of one. A file is dragged in or chosen, and says of which kind it is; what is typed here is forgotten
 * when it has been taken.
 */
import { Button, FileButton, Group, PasswordInput, Select, Stack, Text, TextInput } from '@mantine/core'
import { type DragEvent, type ReactElement, useEffect, useState } from 'react'
import type { Faults } from '../api/faults.ts'
import type { Credential } from '../api/shapes.ts'
import { useTexts } from '../i18n/language.tsx'
import { Problem } from '../parts/problem.tsx'
import { UnsavedGuard } from '../parts/unsaved.tsx'
import { useFaults } from '../parts/use-faults.ts'
import { upload, useCredentialChange, useSlotReading } from './calls.ts'
import css from './credentials.module.css'
import {
  type Field,
  fileFieldOf,
  isComplete,
  isServiceAccount,
  KINDS,
  type Kind,
  keyIdIn,
  kindFor,
  kindOfFile,
  kindsFor,
  readFileFor,
  uploadOf,
  type Values,
} from './fields.ts'

export interface FormProps {
  readonly app: string
  /** The slot whose content is replaced; a new one without it. */
  readonly replaces?: Credential
  /** Brought along, instead of chosen here. */
  readonly dropped?: File
  /** The slot that has taken it; without one nothing was sent. */
  readonly onDone: (id?: string) => void
}

type FileFault = 'noJson' | 'noServiceAccount' | 'noKind'

interface TakenFile {
  readonly name?: string
  readonly fault?: FileFault
}

export function CredentialForm({ app, replaces, dropped, onDone }: FormProps): ReactElement {
  const t = useTexts('credentials')
  const common = useTexts('common')
  const kinds = replaces ? kindsFor(replaces.gateway) : KINDS
  const [kind, setKind] = useState<Kind>(replaces ? kindFor(replaces) : (KINDS[0] as Kind))
  const [values, setValues] = useState<Values>(replaces ? replaces.settings : {})
  const [taken, setTaken] = useState<TakenFile>({})
  const [isTouched, setTouched] = useState(false)
  const slot = useSlotReading(app, replaces?.id)
  const change = useCredentialChange(app, (api, content: object) =>
    upload(api, app, { id: replaces?.id, ifMatch: slot.data?.etag, content }),
  )
  const set = (given: Values): void => {
    setValues(before => ({ ...before, ...given }))
    setTouched(true)
  }
  const pick = (next: Kind): void => {
    setKind(next)
    setTaken({})
    change.reset()
  }
  const take = async (file: File): Promise<void> => {
    change.reset()
    const found = kindOfFile(file.name, kinds)
    const field = found && fileFieldOf(found)
    if (!found || !field) return setTaken({ fault: 'noKind' })
    setKind(found)
    const read = await readSafely(field, file)
    if (read.fault) return setTaken({ fault: read.fault })
    const keyId = keyIdIn(file.name)
    set({ [field.name]: read.value, ...(keyId && { keyId }) })
    setTaken({ name: file.name })
  }
  // biome-ignore lint/correctness/useExhaustiveDependencies: once for each file, whatever was typed since
  useEffect(() => {
    if (dropped !== undefined) void take(dropped)
  }, [dropped])
  const faults = useFaults(change.error)
  const hasFieldFault = kind.fields.some(
    ({ name, accept }) => accept === undefined && faults[name] !== undefined,
  )
  return (
    <form
      onSubmit={event => {
        event.preventDefault()
        change.mutate(uploadOf(kind, values), { onSuccess: stored => onDone(stored.id) })
      }}
    >
      <UnsavedGuard isDirty={isTouched && !change.isPending && !change.isSuccess} />
      <Stack gap="sm" maw={560}>
        {fileFieldOf(kind) || kinds.length > 1 ? (
          <DropZone kinds={kinds} taken={taken} onFile={file => void take(file)} />
        ) : null}
        <Select
          label={t('form.kind')}
          data={kinds.map(({ id }) => ({ value: id, label: t(`kindOf.${id}`) }))}
          value={kind.id}
          allowDeselect={false}
          disabled={kinds.length === 1}
          onChange={id => pick(kinds.find(it => it.id === id) ?? kind)}
        />
        <Text size="sm" c="dimmed">
          {t(kind.about ?? `kindOf.${kind.id}.about`)}
        </Text>
        {kind.fields
          .filter(({ accept }) => accept === undefined)
          .map(field => (
            <FieldInput
              key={`${kind.id} ${field.name}`}
              field={field}
              values={values}
              faults={faults}
              onValues={set}
            />
          ))}
        {change.error && !hasFieldFault && <Problem error={change.error} title={t('form.failed')} />}
        <Group gap="xs">
          <Button
            type="submit"
            size="sm"
            loading={change.isPending}
            disabled={!isComplete(kind, values) || (replaces !== undefined && !slot.data)}
          >
            {replaces ? t('replace') : t(kind.id === 'vapid' && !values.publicKey ? 'form.make' : 'form.add')}
          </Button>
          <Button size="sm" variant="default" onClick={() => onDone()}>
            {common('cancel')}
          </Button>
        </Group>
      </Stack>
    </form>
  )
}

async function readSafely(
  field: Field,
  file: File,
): Promise<{ readonly value?: unknown; readonly fault?: FileFault }> {
  try {
    const value = await readFileFor(field, file)
    return field.from === 'json-file' && !isServiceAccount(value) ? { fault: 'noServiceAccount' } : { value }
  } catch {
    return { fault: 'noJson' }
  }
}

interface DropZoneProps {
  readonly kinds: readonly Kind[]
  readonly taken: TakenFile
  readonly onFile: (file: File) => void
}

function DropZone({ kinds, taken, onFile }: DropZoneProps): ReactElement {
  const t = useTexts('credentials')
  const [isOver, setOver] = useState(false)
  const accept = kinds.flatMap(kind => fileFieldOf(kind)?.accept ?? []).join(',')
  const drop = (event: DragEvent): void => {
    event.preventDefault()
    setOver(false)
    const [file] = event.dataTransfer.files
    if (file) onFile(file)
  }
  return (
    <section
      aria-label={t('form.drop')}
      className={css.drop}
      data-over={isOver || undefined}
      onDragOver={event => {
        event.preventDefault()
        setOver(true)
      }}
      onDragLeave={() => setOver(false)}
      onDrop={drop}
    >
      <Text size="sm">{t('form.drop')}</Text>
      <FileButton
        accept={accept}
        inputProps={{ 'aria-label': t('form.file') }}
        onChange={file => {
          if (file) onFile(file)
        }}
      >
        {props => (
          <Button {...props} size="xs" variant="default">
            {t('form.file')}
          </Button>
        )}
      </FileButton>
      <Text
        size="sm"
        fw={taken.name ? 600 : 400}
        c={taken.fault ? 'red' : taken.name ? '' : 'dimmed'}
        aria-live="polite"
      >
        {taken.fault ? t(`form.${taken.fault}`) : (taken.name ?? accept.replaceAll(',', ' '))}
      </Text>
    </section>
  )
}

interface InputProps {
  readonly field: Field
  readonly values: Values
  readonly faults: Faults
  readonly onValues: (given: Values) => void
}

function FieldInput({ field, values, faults, onValues }: InputProps): ReactElement {
  const t = useTexts('credentials')
  const common = useTexts('common')
  const { name, from, sample, isOptional } = field
  const label = t(`field.${name}`)
  const value = values[name]
  const shared = {
    label: isOptional ? common('optional', { label }) : label,
    placeholder: sample ?? t.known(`field.${name}.hint`),
    value: typeof value === 'string' ? value : '',
    error: faults[name],
    autoComplete: 'off',
    spellCheck: false,
    onChange: (event: { readonly currentTarget: HTMLInputElement }) =>
      onValues({
        // A password may begin with a space, or have one inside, which is its end while it is typed.
        [name]: from === 'secret' ? event.currentTarget.value : event.currentTarget.value.trim(),
      }),
  }
  return from === 'secret' ? (
    <PasswordInput {...shared} autoComplete="new-password" />
  ) : (
    <TextInput {...shared} />
  )
}
