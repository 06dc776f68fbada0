/** The first visit: makes the owner. */
import { Anchor, Button, Stack, TextInput } from '@mantine/core'
import type { Me } from '@roost/protocol'
import type { ReactElement } from 'react'
import { useChange } from '../api/use-api.ts'
import { useTexts } from '../i18n/language.tsx'
import { Problem } from '../parts/problem.tsx'
import { useFormFaults } from '../parts/use-faults.ts'
import { Entrance } from './entrance.tsx'
import { FIELD_OF_CODE, PersonFields, type PersonValues, usePersonForm } from './person-fields.tsx'
import type { SignInProps } from './sign-in.tsx'

export interface FirstSetupProps extends SignInProps {
  /** From the link that the server prints; without it the field asks for it. */
  readonly code: string | undefined
}

export function FirstSetup({ code, onDone, onToken }: FirstSetupProps): ReactElement {
  const t = useTexts('access')
  const form = usePersonForm(code)
  const setUp = useChange<PersonValues, Me>({
    call: (api, { name, password, setupCode }) =>
      api.post('v1/setup', { name, password, ...(setupCode && { setupCode }) }),
    touches: [],
  })
  const isAtFields = useFormFaults(form, setUp.error, { fieldOfCode: FIELD_OF_CODE })
  const submit = form.onSubmit(values => setUp.mutate(values, { onSuccess: onDone }))
  return (
    <Entrance title={t('setup.title')} about={t('setup.about')}>
      <form onSubmit={submit} noValidate>
        <Stack gap="md">
          {setUp.error && !isAtFields && <Problem error={setUp.error} title={t('setup.failed')} />}
          <PersonFields form={form} />
          <TextInput
            label={t('setup.code')}
            description={t('setup.codeHint')}
            autoComplete="off"
            spellCheck={false}
            {...form.getInputProps('setupCode')}
          />
          <Button type="submit" loading={setUp.isPending}>
            {t('setup.submit')}
          </Button>
        </Stack>
      </form>
      <Anchor component="button" type="button" size="sm" mt="md" onClick={onToken}>
        {t('signIn.withToken')}
      </Anchor>
    </Entrance>
  )
}
