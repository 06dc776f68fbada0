/** What was found of one device: the answer in a sentence, its findings, what is ruled out, what no server can see. */
import { Group, List, Stack, Text } from '@mantine/core'
import type { DeviceDiagnosis, DiagnosisOutcome, DiagnosisView } from '@roost/protocol'
import type { ReactElement } from 'react'
import { useFormat, useTexts } from '../i18n/language.tsx'
import { TextLink } from '../parts/link.tsx'
import { Panel } from '../parts/page.tsx'
import { StateBadge } from '../parts/state-badge.tsx'
import type { Tone } from '../parts/tone.ts'
import css from './diagnosis.module.css'
import { Findings } from './finding.tsx'

const TONES: Readonly<Record<DiagnosisOutcome, Tone>> = {
  could_receive: 'good',
  could_not: 'bad',
  pending: 'busy',
  waiting: 'busy',
  not_sent: 'warning',
  dead: 'bad',
  failed: 'bad',
  skipped: 'warning',
  uncertain: 'warning',
  unknown: 'plain',
  accepted: 'good',
  delivered: 'good',
  opened: 'good',
}

export interface DeviceResultProps {
  readonly app: string
  readonly device: DeviceDiagnosis
  readonly titles: DiagnosisView['titles']
}

export function DeviceResult({ app, device, titles }: DeviceResultProps): ReactElement {
  const t = useTexts('diagnosis')
  const devices = useTexts('devices')
  const { hwid, platform, userId, outcome, findings, ruledOut, unseen } = device
  return (
    <Panel>
      <Stack gap="md">
        <div>
          <Group gap="sm" align="center">
            <StateBadge tone={TONES[outcome] ?? 'plain'} label={t.known(`outcome.${outcome}`) ?? outcome} />
            <TextLink to="/apps/$app/devices/$hwid" params={{ app, hwid }} ff="monospace" size="sm">
              {hwid}
            </TextLink>
          </Group>
          <Text size="sm" c="dimmed" mt={4}>
            {[platform && (devices.known(`platform.${platform}`) ?? platform), userId]
              .filter(Boolean)
              .join(' · ')}
          </Text>
        </div>
        <TraceText trace={device.trace} isExplained={findings.length > 0} />
        {findings.length > 0 ? (
          <Findings app={app} findings={findings} titles={titles} hwid={hwid} />
        ) : (
          <Text size="sm">{t('nothing')}</Text>
        )}
        {ruledOut.length > 0 && (
          <details className={css.more}>
            <summary>{t('ruledOut', { count: ruledOut.length })}</summary>
            <List size="sm" mt="xs">
              {ruledOut.map(rule => (
                <List.Item key={rule}>{titles[rule] ?? rule}</List.Item>
              ))}
            </List>
          </details>
        )}
        {unseen.length > 0 && (
          <div>
            <Text size="sm" fw={600} mb={4}>
              {t('unseen')}
            </Text>
            <List size="sm" c="dimmed">
              {unseen.map(({ key, text }) => (
                <List.Item key={key}>{text}</List.Item>
              ))}
            </List>
          </div>
        )}
      </Stack>
    </Panel>
  )
}

interface TraceTextProps extends Pick<DeviceDiagnosis, 'trace'> {
  /** A finding says in words what the reason says in one. */
  readonly isExplained: boolean
}

/** What is on record of the message for this device: when, how often, what it told. */
function TraceText({ trace, isExplained }: TraceTextProps): ReactElement | null {
  const t = useTexts('diagnosis')
  const format = useFormat()
  if (trace === null) return null
  const { at, gateway, attempts, nextTryAt, receipts, reason } = trace
  const told = [
    gateway && (t.known(`gateway.${gateway}`) ?? gateway),
    !isExplained && reason,
    at && format.moment(at),
    attempts !== null && attempts > 1 && t('trace.attempts', { count: attempts }),
    nextTryAt && t('trace.next', { moment: format.moment(nextTryAt) }),
    ...receipts.map(({ kind, at: of }) => `${t.known(`receipt.${kind}`) ?? kind} ${format.moment(of)}`),
  ].filter(Boolean)
  if (told.length === 0) return null
  return (
    <Text size="sm" style={{ overflowWrap: 'anywhere' }}>
      {told.join(' · ')}
    </Text>
  )
}
