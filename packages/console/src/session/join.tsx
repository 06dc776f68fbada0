/** What a link invites to, and taking it: with a new name and password, or as whoever is signed in. */
import { Button, Group, Stack, Text } from '@mantine/core'
import type { Me, PersonRole } from '@roost/protocol'
import { useQuery } from '@tanstack/react-query'
import type { ReactElement } from 'react'
import { useApi, useChange } from '../api/use-api.ts'
import { useTexts } from '../i18n/language.tsx'
import { Loaded } from '../parts/page.tsx'
import { Problem } from '../parts/problem.tsx'
import { useFormFaults } from '../parts/use-faults.ts'
import { Entrance } from './entrance.tsx'
import { FIELD_OF_CODE, PersonFields, type PersonValues, usePersonForm } from './person-fields.tsx'

interface Invitation {
  readonly app: string | null
  readonly role: PersonRole
  readonly invitedBy: string
}

export interface JoinFormProps {
  readonly code: string
  /** The role is added to whoever is signed in. */
  readonly isSignedIn: boolean
  readonly onJoined: (me: Me) => void
  readonly onCancel: () => void
}

export function JoinForm({ code, isSignedIn, onJoined, onCancel }: JoinFormProps): ReactElement {
  const t = useTexts('access')
  const common = useTexts('common')
  const api = useApi()
  const form = usePersonForm()
  const invitation = useQuery({
    queryKey: ['join', code],
    queryFn: () => api.post<Invitation>('v1/join/look', { code }),
  })
  const join = useChange<PersonValues, Me>({
    call: (each, { name, password }) =>
      each.post('v1/join', isSignedIn ? { code } : { code, name, password }),
    touches: [['apps']],
  })
  const isAtFields = useFormFaults(form, join.error, { fieldOfCode: FIELD_OF_CODE })
  const take = (values: PersonValues): void => join.mutate(values, { onSuccess: onJoined })
  return (
    <Entrance title={t('join.title')}>
      <Loaded query={invitation}>
        {({ app, role, invitedBy }) => (
          <form
            onSubmit={form.onSubmit(take, () => {
              // whoever is signed in has no fields to fill in
              if (isSignedIn) take(form.values)
            })}
            noValidate
          >
            <Stack gap="md">
              <Text size="sm">
                {app === null
                  ? t('join.all', { inviter: invitedBy, role: t(`role.${role}`) })
                  : t('join.app', { inviter: invitedBy, app, role: t(`role.${role}`) })}
              </Text>
              {join.error && !isAtFields && <Problem error={join.error} title={t('join.failed')} />}
              {!isSignedIn && <PersonFields form={form} />}
              <Button type="submit" loading={join.isPending}>
                {t('join.submit')}
              </Button>
            </Stack>
          </form>
        )}
      </Loaded>
      <Group mt="md">
        <Button variant="subtle" size="compact-sm" onClick={onCancel}>
          {common('cancel')}
        </Button>
      </Group>
    </Entrance>
  )
}
