/** Changes one's password; all other sessions end with it. */
import { Alert, Button, PasswordInput, Stack } from '@mantine/core'
import { useForm } from '@mantine/form'
import type { Me } from '@roost/protocol'
import type { ReactElement } from 'react'
import { useChange } from '../api/use-api.ts'
import { useTexts } from '../i18n/language.tsx'
import { Panel } from '../parts/page.tsx'
import { Problem } from '../parts/problem.tsx'
import { useFormFaults } from '../parts/use-faults.ts'
import { PASSWORD_CHARACTERS } from '../session/password.ts'

const FIELD_OF_CODE = { password_weak: 'newPassword' }

export function PasswordPanel(): ReactElement {
  const t = useTexts('access')
  const form = useForm({
    initialValues: { currentPassword: '', newPassword: '' },
    validate: {
      currentPassword: given => (given === '' ? t('password.missing') : null),
      newPassword: given =>
        given.length < PASSWORD_CHARACTERS ? t('password.short', { count: PASSWORD_CHARACTERS }) : null,
    },
  })
  const change = useChange<typeof form.values, Me>({
    call: (api, given) => api.put('v1/me/password', given),
    touches: [['me']],
  })
  const isAtFields = useFormFaults(form, change.error, { fieldOfCode: FIELD_OF_CODE })
  const submit = form.onSubmit(given => change.mutate(given, { onSuccess: () => form.reset() }))
  return (
    <Panel title={t('account.password')}>
      <form onSubmit={submit} noValidate>
        <Stack gap="md" maw={440} align="stretch">
          {change.isSuccess && (
            <Alert color="teal" role="status">
              {t('account.changed')}
            </Alert>
          )}
          {change.error && !isAtFields && <Problem error={change.error} title={t('account.notChanged')} />}
          <PasswordInput
            label={t('account.current')}
            autoComplete="current-password"
            {...form.getInputProps('currentPassword')}
          />
          <PasswordInput
            label={t('account.new')}
            description={t('password.hint', { count: PASSWORD_CHARACTERS })}
            autoComplete="new-password"
            {...form.getInputProps('newPassword')}
          />
          <Button type="submit" w="fit-content" loading={change.isPending}>
            {t('account.change')}
          </Button>
        </Stack>
      </form>
    </Panel>
  )
}
