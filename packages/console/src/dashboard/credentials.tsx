/** Which gateways the app can send through, and until when. */
import { Group, Stack, Text } from '@mantine/core'
import type { ReactElement } from 'react'
import type { Credential } from '../api/shapes.ts'
import { useCredentials } from '../credentials/calls.ts'
import { nameOfKind, tellExpiry } from '../credentials/credential.ts'
import { useDeviceLooks } from '../devices/looks.ts'
import { useFormat, useTexts } from '../i18n/language.tsx'
import { TextLink } from '../parts/link.tsx'
import { Loaded, Panel } from '../parts/page.tsx'
import { StateBadge } from '../parts/state-badge.tsx'

export function CredentialsPanel({ app }: { readonly app: string }): ReactElement {
  const t = useTexts('dashboard')
  return (
    <Panel
      title={t('credentials.title')}
      aside={
        <TextLink to="/apps/$app/credentials" params={{ app }} size="sm">
          {t('credentials.all')}
        </TextLink>
      }
    >
      <Loaded query={useCredentials(app)}>
        {credentials =>
          credentials.length === 0 ? (
            <Text size="sm" c="dimmed">
              {t('credentials.none')}
            </Text>
          ) : (
            <Stack gap="sm">
              {credentials.map(credential => (
                <Line key={credential.id} credential={credential} />
              ))}
            </Stack>
          )
        }
      </Loaded>
    </Panel>
  )
}

function Line({ credential }: { readonly credential: Credential }): ReactElement {
  const t = useTexts('credentials')
  const own = useTexts('dashboard')
  const format = useFormat()
  const looks = useDeviceLooks()
  const { gateway, kind, status, expiresAt, settings, problems } = credential
  const expiry = tellExpiry(expiresAt, Date.now())
  const name = settings.bundleId ?? settings.projectId ?? settings.commonName
  const day = expiresAt === null ? '' : format.day(expiresAt)
  return (
    <Group justify="space-between" gap="xs">
      <div>
        <Text size="sm" fw={600}>
          {looks.gateway(gateway)} · {nameOfKind(kind, t)}
        </Text>
        {typeof name === 'string' && (
          <Text size="xs" c="dimmed" style={{ overflowWrap: 'anywhere' }}>
            {name}
          </Text>
        )}
      </div>
      <Group gap="xs">
        <Text size="sm" c={expiry?.color ?? 'dimmed'}>
          {expiry === undefined
            ? t('expiry.never')
            : expiry.daysLeft > 0
              ? t('expiry.in', { days: expiry.daysLeft, day })
              : t('expiry.over', { day })}
        </Text>
        {status === 'active' && problems.length > 0 ? (
          <StateBadge tone="bad" label={own('credentials.trouble')} />
        ) : (
          <StateBadge tone={status === 'active' ? 'good' : 'warning'} label={t(`status.${status}`)} />
        )}
      </Group>
    </Group>
  )
}
