/** Uploads a credential, or the new content of one. What is typed here is forgotten when it has been taken. */
import {
  Button,
  FileButton,
  Group,
  Input,
  PasswordInput,
  Select,
  Stack,
  Text,
  TextInput,
} from '@mantine/core'
import { type ReactElement, useState } from 'react'
import { useCredentialChange } from '../api/queries.ts'
import type { Credential } from '../api/shapes.ts'
import { Problem } from '../parts/page.tsx'
import {
  type Field,
  isComplete,
  KINDS,
  type Kind,
  keyIdIn,
  kindFor,
  kindsFor,
  readFileFor,
  uploadOf,
  type Values,
} from './fields.ts'

export interface FormProps {
  readonly app: string
  /** The slot whose content is replaced; a new one without it. */
  readonly replaces?: Credential
  readonly onDone: () => void
}

export function CredentialForm({ app, replaces, onDone }: FormProps): ReactElement {
  const [kind, setKind] = useState<Kind>(replaces ? kindFor(replaces) : (KINDS[0] as Kind))
  const [values, setValues] = useState<Values>(replaces ? replaces.settings : {})
  const change = useCredentialChange(app, (api, upload: object) =>
    replaces ? api.replaceCredential(app, replaces.id, upload) : api.addCredential(app, upload),
  )
  const set = (given: Values) => setValues(before => ({ ...before, ...given }))
  const kinds = replaces ? kindsFor(replaces.gateway) : KINDS
  return (
    <form
      onSubmit={event => {
        event.preventDefault()
        change.mutate(uploadOf(kind, values), { onSuccess: onDone })
      }}
    >
      <Stack gap="sm" maw={560}>
        <Select
          label="What it is"
          data={kinds.map(({ id, label }) => ({ value: id, label }))}
          value={kind.id}
          allowDeselect={false}
          disabled={kinds.length === 1}
          onChange={id => {
            setKind(kinds.find(it => it.id === id) ?? kind)
            change.reset()
          }}
        />
        <Text size="sm" c="dimmed">
          {kind.about}
        </Text>
        {kind.fields.map(field => (
          <FieldInput key={`${kind.id} ${field.name}`} field={field} values={values} onValues={set} />
        ))}
        {change.error && <Problem error={change.error} title="It was not taken" />}
        <Group gap="xs">
          <Button type="submit" size="sm" loading={change.isPending} disabled={!isComplete(kind, values)}>
            {replaces ? 'Replace' : 'Add'}
          </Button>
          <Button size="sm" variant="default" onClick={onDone}>
            Cancel
          </Button>
        </Group>
      </Stack>
    </form>
  )
}

interface InputProps {
  readonly field: Field
  readonly values: Values
  readonly onValues: (given: Values) => void
}

function FieldInput({ field, values, onValues }: InputProps): ReactElement {
  const { name, label, from, hint, isOptional } = field
  const value = values[name]
  const common = {
    label: isOptional ? `${label} (optional)` : label,
    placeholder: hint,
    value: typeof value === 'string' ? value : '',
    autoComplete: 'off',
    spellCheck: false,
    onChange: (event: { readonly currentTarget: HTMLInputElement }) =>
      onValues({
        // A password may begin with a space, or have one inside, which is its end while it is typed.
        [name]: from === 'secret' ? event.currentTarget.value : event.currentTarget.value.trim(),
      }),
  }
  if (from === 'text') return <TextInput {...common} />
  if (from === 'secret') return <PasswordInput {...common} autoComplete="new-password" />
  return <FileField field={field} onValues={onValues} />
}

function FileField({ field, onValues }: Omit<InputProps, 'values'>): ReactElement {
  const [state, setState] = useState<{ readonly name?: string; readonly fault?: string }>({})
  const read = async (file: File): Promise<void> => {
    try {
      const keyId = keyIdIn(file.name)
      onValues({ [field.name]: await readFileFor(field, file), ...(keyId && { keyId }) })
      setState({ name: file.name })
    } catch (error) {
      setState({ fault: (error as Error).message })
    }
  }
  return (
    <div>
      <Input.Label labelElement="div">{field.label}</Input.Label>
      <Group gap="sm">
        <FileButton
          {...(field.accept && { accept: field.accept })}
          inputProps={{ 'aria-label': field.label }}
          onChange={file => {
            if (file) void read(file)
          }}
        >
          {props => (
            <Button {...props} size="xs" variant="default">
              Choose a file
            </Button>
          )}
        </FileButton>
        <Text size="sm" c={state.fault ? 'red' : 'dimmed'}>
          {state.fault ?? state.name ?? field.hint}
        </Text>
      </Group>
    </div>
  )
}
