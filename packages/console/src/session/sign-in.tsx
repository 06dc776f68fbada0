/** Name and password; where a second factor is on, its code when the server asks for it. */
import { Alert, Anchor, Button, PasswordInput, Stack, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import type { Me } from '@roost/protocol'
import { type ReactElement, useState } from 'react'
import { ApiProblem } from '../api/client.ts'
import { useChange } from '../api/use-api.ts'
import { useTexts } from '../i18n/language.tsx'
import { Problem } from '../parts/problem.tsx'
import { Entrance } from './entrance.tsx'

export interface SignInProps {
  readonly onDone: (me: Me) => void
  readonly onToken: () => void
}

export function SignIn({ onDone, onToken }: SignInProps): ReactElement {
  const t = useTexts('access')
  return (
    <Entrance title={t('signIn.title')}>
      <SignInForm onDone={onDone} />
      <Anchor component="button" type="button" size="sm" mt="md" onClick={onToken}>
        {t('signIn.withToken')}
      </Anchor>
    </Entrance>
  )
}

/** Also shown over a page when its session has ended. */
export function SignInForm({
  onDone,
  isOver = false,
}: Pick<SignInProps, 'onDone'> & { readonly isOver?: boolean }): ReactElement {
  const t = useTexts('access')
  const [asksForCode, setAsksForCode] = useState(false)
  const form = useForm({
    initialValues: { name: '', password: '', oneTimeCode: '' },
    validate: {
      name: name => (name.trim() === '' ? t('name.missing') : null),
      password: password => (password === '' ? t('password.missing') : null),
    },
  })
  const signIn = useChange<typeof form.values, Me>({
    call: (api, { oneTimeCode, ...given }) =>
      api.post('v1/session', { ...given, ...(oneTimeCode && { oneTimeCode }) }),
    touches: [],
  })
  const submit = form.onSubmit(values =>
    signIn.mutate(values, {
      onSuccess: onDone,
      onError: error => setAsksForCode(before => before || codeOf(error) === 'one_time_code_missing'),
    }),
  )
  const isRefused = signIn.error && codeOf(signIn.error) !== 'one_time_code_missing'
  return (
    <form onSubmit={submit} noValidate>
      <Stack gap="md">
        {isOver && <Alert color="yellow">{t('signIn.over')}</Alert>}
        {isRefused && <Problem error={signIn.error} title={t('signIn.failed')} />}
        <TextInput
          label={t('signIn.name')}
          autoComplete="username"
          data-autofocus
          autoFocus
          {...form.getInputProps('name')}
        />
        <PasswordInput
          label={t('signIn.password')}
          autoComplete="current-password"
          {...form.getInputProps('password')}
        />
        {asksForCode && (
          <TextInput
            label={t('signIn.code')}
            description={t('signIn.codeHint')}
            autoComplete="one-time-code"
            inputMode="numeric"
            autoFocus
            {...form.getInputProps('oneTimeCode')}
          />
        )}
        <Button type="submit" loading={signIn.isPending}>
          {t('signIn.submit')}
        </Button>
      </Stack>
    </form>
  )
}

function codeOf(error: Error): string | undefined {
  return error instanceof ApiProblem ? error.body.code : undefined
}
