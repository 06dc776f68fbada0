/** A line above the overview for each credential that needs somebody: paused, refused, or about to expire. */
import { Alert, Group, Stack, Text } from '@mantine/core'
import type { ReactElement } from 'react'
import { useDeviceLooks } from '../devices/looks.ts'
import { useTexts } from '../i18n/language.tsx'
import { TextLink } from '../parts/link.tsx'
import { useCredentials } from './calls.ts'
import { tellSettings, troublesOf } from './credential.ts'
import { useHealthWords } from './use-health.ts'

/** Nothing while all is well or nothing is known: the credentials' own page says why. */
export function CredentialStrip({ app }: { readonly app: string }): ReactElement | null {
  const t = useTexts('credentials')
  const looks = useDeviceLooks()
  const troubles = troublesOf(useCredentials(app).data ?? [])
  const say = useHealthWords({ isNeeded: troubles.length > 0 })
  if (troubles.length === 0) return null
  return (
    <Stack gap="xs">
      {troubles.map(({ credential, isError, problem }) => {
        const words = problem && say(problem)
        return (
          <Alert key={credential.id} color={isError ? 'red' : 'orange'} variant="light" role="alert" py="xs">
            <Group justify="space-between" gap="xs">
              <Text size="sm">
                <b>{looks.gateway(credential.gateway)}</b> {tellSettings(credential, t)}:{' '}
                <span lang={words?.lang}>{problem ? words?.what : t('trouble.paused')}</span>
              </Text>
              <TextLink to="/apps/$app/credentials" params={{ app }} size="sm" c="inherit" td="underline">
                {t('title')}
              </TextLink>
            </Group>
          </Alert>
        )
      })}
    </Stack>
  )
}
