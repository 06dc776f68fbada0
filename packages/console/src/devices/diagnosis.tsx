/** Could this device receive a message now? The verdict, each finding with its evidence and what mends it, and another look. */
import { Button, Group, Stack, Text } from '@mantine/core'
import type { DeviceDiagnosis, DiagnosisView } from '@roost/protocol'
import type { ReactElement } from 'react'
import { Findings } from '../diagnosis/finding.tsx'
import { useLanguage, useTexts } from '../i18n/language.tsx'
import { Ago } from '../parts/ago.tsx'
import { Loaded, Panel } from '../parts/page.tsx'
import { StateBadge } from '../parts/state-badge.tsx'
import { useDiagnosis } from './calls.ts'
import css from './devices.module.css'

export interface DiagnosisPanelProps {
  readonly app: string
  readonly hwid: string
}

export function DiagnosisPanel({ app, hwid }: DiagnosisPanelProps): ReactElement {
  const t = useTexts('device')
  const words = useTexts('diagnosis')
  const { locale } = useLanguage()
  const query = useDiagnosis(app, hwid, locale)
  return (
    <Panel
      title={t('diagnosis')}
      aside={
        <Button variant="default" size="xs" loading={query.isFetching} onClick={() => void query.refetch()}>
          {words('again')}
        </Button>
      }
    >
      <Loaded query={query} lines={3}>
        {view => <Diagnosed app={app} view={view} device={view.devices[0]} />}
      </Loaded>
    </Panel>
  )
}

interface DiagnosedProps {
  readonly app: string
  readonly view: DiagnosisView
  readonly device: DeviceDiagnosis | undefined
}

function Diagnosed({ app, view, device }: DiagnosedProps): ReactElement {
  const t = useTexts('diagnosis')
  const { titles } = view
  if (!device) return <Findings app={app} findings={view.findings} titles={titles} />
  const { findings, hwid, outcome } = device
  return (
    <Stack gap="md">
      <Group gap="sm" role="status">
        <StateBadge
          tone={outcome === 'could_receive' ? 'good' : 'bad'}
          label={t.known(`outcome.${outcome}`) ?? outcome}
        />
        <Text size="sm" c="dimmed">
          <Ago at={view.at} />
        </Text>
        {findings.length === 0 && <Text size="sm">{t('nothing')}</Text>}
      </Group>
      {findings.length > 0 && <Findings app={app} findings={findings} titles={titles} hwid={hwid} />}
      <Group gap="lg" align="flex-start">
        <Others
          title={t('ruledOut', { count: device.ruledOut.length })}
          words={device.ruledOut.map(rule => titles[rule] ?? rule)}
        />
        <Others title={t('unseen')} words={device.unseen.map(({ text }) => text)} />
      </Group>
    </Stack>
  )
}

interface OthersProps {
  readonly title: string
  readonly words: readonly string[]
}

function Others({ title, words }: OthersProps): ReactElement | null {
  if (words.length === 0) return null
  return (
    <details className={css.details}>
      <summary>{title}</summary>
      <ul>
        {words.map(word => (
          <li key={word}>{word}</li>
        ))}
      </ul>
    </details>
  )
}
