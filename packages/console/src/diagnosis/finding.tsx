/** Causes that were found: how sure each is, what it does, by which evidence, who mends it how, and what shows that it is mended. */
import { Group, Text } from '@mantine/core'
import type { DiagnosisView, Evidence, FindingView, NextTest } from '@roost/protocol'
import type { ReactElement } from 'react'
import type { Format } from '../i18n/format.ts'
import { useFormat, useTexts } from '../i18n/language.tsx'
import { RemedyText } from '../messages/mend.tsx'
import { ButtonLink } from '../parts/link.tsx'
import { StateBadge } from '../parts/state-badge.tsx'
import type { Tone } from '../parts/tone.ts'
import { useMay } from '../session/session.tsx'
import css from './diagnosis.module.css'
import { isMoment } from './moment.ts'
import { Told } from './told.tsx'

const TONES: Readonly<Record<FindingView['verdict'], Tone>> = {
  proven: 'bad',
  likely: 'warning',
  possible: 'plain',
}

export interface FindingsProps {
  readonly app: string
  readonly findings: readonly FindingView[]
  readonly titles: DiagnosisView['titles']
  /** Undefined: of no device that is known. */
  readonly hwid?: string
}

export function Findings({ app, findings, titles, hwid }: FindingsProps): ReactElement {
  return (
    <ol className={css.findings}>
      {findings.map(finding => (
        <li key={`${finding.rule} ${finding.message.key}`} className={css.finding}>
          <Finding app={app} finding={finding} title={titles[finding.rule]} hwid={hwid} />
        </li>
      ))}
    </ol>
  )
}

interface FindingProps {
  readonly app: string
  readonly finding: FindingView
  readonly title: string | undefined
  readonly hwid: string | undefined
}

function Finding({ app, finding, title, hwid }: FindingProps): ReactElement {
  const t = useTexts('diagnosis')
  const { rule, verdict, effect, message, evidence, remedy, nextTest } = finding
  return (
    <>
      <Group gap={8} mb={4}>
        <StateBadge
          tone={TONES[verdict]}
          label={t(`verdict.${verdict}`)}
          hint={t(`verdict.${verdict}.hint`)}
        />
        <Text fw={600} size="sm">
          {title ?? rule}
        </Text>
        <Text size="xs" c="dimmed">
          {t(`effect.${effect}`)}
        </Text>
      </Group>
      <Text size="sm" mb={8}>
        <Told pieces={message.pieces} />
      </Text>
      <RemedyText app={app} rule={rule} remedy={remedy} />
      <Proof evidence={evidence} />
      {nextTest !== null && <NextTestLink app={app} test={nextTest} hwid={hwid} />}
    </>
  )
}

function Proof({ evidence }: { readonly evidence: readonly Evidence[] }): ReactElement | null {
  const t = useTexts('diagnosis')
  const format = useFormat()
  if (evidence.length === 0) return null
  return (
    <details className={css.evidence}>
      <summary>{t('evidence')}</summary>
      <ul>
        {evidence.map(({ source, at, data }, place) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: evidence has no name and never moves
          <li key={place}>
            <b>{t.known(`source.${source}`) ?? source}</b>
            {', '}
            {at === null ? t('evidence.now') : format.moment(at)}
            {': '}
            <span className={css.data}>
              {Object.entries(data)
                .map(([name, value]) => `${name}: ${writeValue(value, format)}`)
                .join(' · ')}
            </span>
          </li>
        ))}
      </ul>
    </details>
  )
}

function writeValue(value: Evidence['data'][string] | undefined, format: Format): string {
  if (isMoment(value)) return format.moment(value)
  return value === null || value === undefined ? '–' : String(value)
}

interface NextTestLinkProps {
  readonly app: string
  readonly test: NextTest
  readonly hwid: string | undefined
}

/** Where it is tested; what only happens on the phone is said, and to whom may not test it what shows it. */
function NextTestLink({ app, test, hwid }: NextTestLinkProps): ReactElement {
  const t = useTexts('diagnosis')
  const maySend = useMay('send')
  const mayCheck = useMay('manage')
  if (test === 'check_credential' && mayCheck)
    return (
      <ButtonLink mt="sm" size="xs" variant="default" to="/apps/$app/credentials" params={{ app }}>
        {t('test.check_credential')}
      </ButtonLink>
    )
  if (test === 'send_test' && maySend && hwid !== undefined)
    return (
      <ButtonLink
        mt="sm"
        size="xs"
        variant="default"
        to="/apps/$app/push-test"
        params={{ app }}
        search={{ hwid }}
      >
        {t('test.send_test')}
      </ButtonLink>
    )
  return (
    <Text size="sm" c="dimmed" mt="sm">
      {t(`test.${test}.about`)}
    </Text>
  )
}
