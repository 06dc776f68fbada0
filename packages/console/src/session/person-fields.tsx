/** Name and a new password, as the first set-up and an invitation ask for them. */
import { PasswordInput, TextInput } from '@mantine/core'
import { type UseFormReturnType, useForm } from '@mantine/form'
import type { ReactElement } from 'react'
import { useTexts } from '../i18n/language.tsx'
import { PASSWORD_CHARACTERS } from './password.ts'

export interface PersonValues {
  readonly name: string
  readonly password: string
  readonly setupCode: string
}

export type PersonForm = UseFormReturnType<PersonValues>

/** Which field a refusal is about. */
export const FIELD_OF_CODE = {
  password_weak: 'password',
  name_taken: 'name',
  person_name_taken: 'name',
  setup_code_refused: 'setupCode',
} as const

export function usePersonForm(setupCode = ''): PersonForm {
  const t = useTexts('access')
  return useForm<PersonValues>({
    initialValues: { name: '', password: '', setupCode },
    validate: {
      name: name => (name.trim() === '' ? t('name.missing') : null),
      password: password =>
        password.length < PASSWORD_CHARACTERS ? t('password.short', { count: PASSWORD_CHARACTERS }) : null,
    },
  })
}

export function PersonFields({ form }: { readonly form: PersonForm }): ReactElement {
  const t = useTexts('access')
  return (
    <>
      <TextInput label={t('signIn.name')} autoComplete="username" autoFocus {...form.getInputProps('name')} />
      <PasswordInput
        label={t('signIn.password')}
        description={t('password.hint', { count: PASSWORD_CHARACTERS })}
        autoComplete="new-password"
        {...form.getInputProps('password')}
      />
    </>
  )
}
