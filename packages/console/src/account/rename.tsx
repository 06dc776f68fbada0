/** Another name for a person, who signs in with it from then on: one's own, or a member's. */
import { Stack, Text, TextInput } from '@mantine/core'
import { type ReactElement, useState } from 'react'
import { useChange } from '../api/use-api.ts'
import { useTexts } from '../i18n/language.tsx'
import { Confirm } from '../parts/confirm.tsx'
import { useFaults } from '../parts/use-faults.ts'

const NAME_CHARACTERS = 64
const FIELD_OF_CODE = { person_name_taken: 'name' }

export interface RenameProps {
  readonly name: string
  /** Where the call goes: `v1/me`, or of a member. */
  readonly path: string
  /** Of what is shown of members. */
  readonly touches: readonly string[]
  readonly onDone: () => void
}

export function Rename({ name, path, touches, onDone }: RenameProps): ReactElement {
  const t = useTexts('common')
  const [typed, setTyped] = useState(name)
  const change = useChange<string>({
    call: (api, given) => api.patch(path, { name: given }),
    touches: [['me'], touches],
  })
  const wanted = typed.trim()
  const fault = useFaults(change.error, FIELD_OF_CODE).name
  return (
    <Confirm
      isOpen
      isReady={wanted !== '' && wanted !== name}
      title={t('rename.title', { name })}
      verb={t('rename.verb')}
      isPending={change.isPending}
      error={fault === undefined ? change.error : null}
      onConfirm={() => change.mutate(wanted, { onSuccess: onDone })}
      onClose={onDone}
    >
      <Stack gap="sm">
        <TextInput
          label={t('rename.name')}
          maxLength={NAME_CHARACTERS}
          autoComplete="off"
          value={typed}
          error={fault}
          onChange={event => setTyped(event.currentTarget.value)}
        />
        <Text size="sm" c="dimmed">
          {t('rename.hint')}
        </Text>
      </Stack>
    </Confirm>
  )
}
