/** What a test came to: the verdict in words, and each request with its answer as they went over the wire. */
import { Alert, Code, Group, Stack, Text } from '@mantine/core'
import type { ReactElement } from 'react'
import type { Exchange, PushTestResult } from '../api/shapes.ts'
import { useTexts } from '../i18n/language.tsx'
import { Panel } from '../parts/page.tsx'
import { colorOfOutcome } from './outcome.ts'

export function Verdict({ result }: { readonly result: PushTestResult }): ReactElement {
  const t = useTexts('pushTest')
  const { outcome, meaning, remedy, hint, deliveryId } = result
  return (
    <Alert
      color={colorOfOutcome(outcome.kind)}
      variant="light"
      title={t.known(`outcome.${outcome.kind}`) ?? outcome.kind}
      role="status"
    >
      <Stack gap={6}>
        {outcome.reason && <Code style={{ width: 'fit-content' }}>{outcome.reason}</Code>}
        <Text size="sm">
          {meaning}
          {outcome.since && ` ${t('since', { since: outcome.since })}`}
        </Text>
        <Text size="sm" fw={600}>
          {remedy}
        </Text>
        {hint && <Text size="sm">{hint}</Text>}
        <Text size="xs" c="dimmed">
          {t('delivery', { id: deliveryId })}
          {outcome.gatewayMessageId && ` · ${t('gatewayId', { id: outcome.gatewayMessageId })}`}
        </Text>
      </Stack>
    </Alert>
  )
}

export function Exchanges({ exchanges }: { readonly exchanges: readonly Exchange[] }): ReactElement {
  const t = useTexts('pushTest')
  if (exchanges.length === 0) return <Text c="dimmed">{t('noExchange')}</Text>
  return (
    <>
      {exchanges.map((exchange, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: they are drawn once, in the order in which they went
        <ExchangePanel key={at} exchange={exchange} />
      ))}
    </>
  )
}

function ExchangePanel({ exchange }: { readonly exchange: Exchange }): ReactElement {
  const t = useTexts('pushTest')
  const { request, response, failure, latencyMs } = exchange
  return (
    <Panel>
      <Stack gap="xs">
        <Text ff="monospace" size="sm" fw={600} style={{ overflowWrap: 'anywhere' }}>
          {request.method} {request.url}
        </Text>
        <Headers headers={request.headers} />
        {request.hasClientCertificate && (
          <Text size="xs" c="dimmed">
            {t('certificate')}
          </Text>
        )}
        <Body text={request.body} />
        <Group gap="xs" mt="xs">
          <Text size="sm" fw={600}>
            {response ? `→ ${response.status}` : `→ ${failure?.reason ?? t('noAnswer')}`}
          </Text>
          <Text size="sm" c="dimmed">
            {latencyMs} ms
          </Text>
        </Group>
        {failure?.goaway && <Body text={failure.goaway} />}
        {response && <Headers headers={response.headers} />}
        {response && <Body text={response.body} />}
      </Stack>
    </Panel>
  )
}

function Headers({ headers }: { readonly headers: Readonly<Record<string, string>> }): ReactElement {
  return (
    <div>
      {Object.entries(headers).map(([name, value]) => (
        <Text key={name} ff="monospace" size="xs" style={{ overflowWrap: 'anywhere' }}>
          <Text span c="dimmed" inherit>
            {name}:
          </Text>{' '}
          {value}
        </Text>
      ))}
    </div>
  )
}

function Body({ text }: { readonly text: string }): ReactElement | null {
  if (text === '') return null
  return (
    <Code block style={{ maxHeight: 320, overflow: 'auto' }}>
      {pretty(text)}
    </Code>
  )
}

function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2)
  } catch {
    return text
  }
}
