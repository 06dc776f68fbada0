/** A line above the overview for each credential that needs somebody: paused, refused, or about to expire. */
import { Alert, Anchor, Group, Stack, Text } from '@mantine/core'
import type { ReactElement } from 'react'
import { useCredentials } from '../api/queries.ts'
import { nameOfGateway } from '../devices/looks.ts'
import { formatRoute } from '../route.ts'
import { tellSettings, troublesOf } from './credential.ts'

/** Nothing while all is well or nothing is known: the credentials' own page says why. */
export function CredentialStrip({ app }: { readonly app: string }): ReactElement | null {
  const troubles = troublesOf(useCredentials(app).data ?? [])
  if (troubles.length === 0) return null
  return (
    <Stack gap="xs">
      {troubles.map(({ credential, isError, words }) => (
        <Alert key={credential.id} color={isError ? 'red' : 'orange'} variant="light" role="alert" py="xs">
          <Group justify="space-between" gap="xs">
            <Text size="sm">
              <b>{nameOfGateway(credential.gateway)}</b> {tellSettings(credential)}: {words}
            </Text>
            <Anchor href={formatRoute({ page: 'credentials', app })} size="sm">
              Credentials
            </Anchor>
          </Group>
        </Alert>
      ))}
    </Stack>
  )
}
