/** A self-check: as a badge of how it stands, and as the list of what was found with what to do. */
import { Group, Modal, Stack, Text, UnstyledButton } from '@mantine/core'
import type { SelfCheckFinding, SelfCheckVerdict, SelfCheckView } from '@roost/protocol'
import { type ReactElement, useState } from 'react'
import { useTexts } from '../i18n/language.tsx'
import { Ago } from '../parts/ago.tsx'
import { Panel } from '../parts/page.tsx'
import { StateBadge } from '../parts/state-badge.tsx'
import { useTestDevices } from './calls.ts'
import { summaryOf, TONES, worstFirst } from './self-check.ts'
import css from './test-devices.module.css'

/** Opens the list; where there was none, how to come to one. */
export function SelfCheckButton({
  name,
  selfCheck,
}: {
  readonly name: string
  readonly selfCheck: SelfCheckView | null
}): ReactElement {
  const t = useTexts('selfCheck')
  const common = useTexts('common')
  const [isOpen, setOpen] = useState(false)
  if (!selfCheck) return <StateBadge tone="plain" label={t('none')} hint={t('none.hint')} />
  return (
    <>
      <UnstyledButton onClick={() => setOpen(true)} ta="inherit" data-self-check>
        <span className={css.unseen}>{t('titleOf', { name })}</span>
        <SelfCheckBadge selfCheck={selfCheck} />
        <Text size="xs" c="dimmed" component="div">
          <Ago at={selfCheck.at} />
        </Text>
      </UnstyledButton>
      <Modal
        opened={isOpen}
        onClose={() => setOpen(false)}
        title={t('titleOf', { name })}
        size="lg"
        centered
        closeButtonProps={{ 'aria-label': common('close') }}
      >
        <Findings selfCheck={selfCheck} />
      </Modal>
    </>
  )
}

/** On the page of a test device; nothing where it has handed none in. */
export function SelfCheckPanel({
  app,
  hwid,
}: {
  readonly app: string
  readonly hwid: string
}): ReactElement | null {
  const t = useTexts('selfCheck')
  const { data } = useTestDevices(app)
  const selfCheck = data?.find(it => it.hwid === hwid)?.selfCheck
  if (!selfCheck) return null
  return (
    <Panel title={t('title')}>
      <Findings selfCheck={selfCheck} />
    </Panel>
  )
}

export function SelfCheckBadge({ selfCheck }: { readonly selfCheck: SelfCheckView }): ReactElement {
  const t = useTexts('selfCheck')
  const { verdict, count } = summaryOf(selfCheck)
  return <StateBadge tone={TONES[verdict]} label={t(`summary.${verdict}`, { count })} />
}

const MARKS: Readonly<Record<SelfCheckVerdict, string>> = { good: '✓', warning: '!', bad: '✗', unknown: '?' }

export function Findings({ selfCheck }: { readonly selfCheck: SelfCheckView }): ReactElement {
  const t = useTexts('selfCheck')
  const { findings, at, sdkVersion } = selfCheck
  return (
    <Stack gap="sm">
      <Group gap="xs">
        <SelfCheckBadge selfCheck={selfCheck} />
        <Text size="sm" c="dimmed" component="div">
          <Ago at={at} /> · {t('of', { version: sdkVersion })}
        </Text>
      </Group>
      <ul className={css.steps}>
        {worstFirst(findings).map(finding => (
          <Finding key={finding.code} finding={finding} />
        ))}
      </ul>
    </Stack>
  )
}

function Finding({ finding }: { readonly finding: SelfCheckFinding }): ReactElement {
  const t = useTexts('selfCheck')
  const { code, verdict, values } = finding
  const told = Object.entries(values).filter(([, value]) => value !== '')
  const todo = verdict === 'good' ? undefined : t.known(`todo.${code}`)
  return (
    <li className={css.step} data-verdict={verdict} data-code={code}>
      <span className={css.mark} aria-hidden>
        {MARKS[verdict]}
      </span>
      <div>
        <Text size="sm" fw={verdict === 'good' ? 400 : 600} component="div">
          {t.known(`found.${code}`) ?? code}
          <span className={css.unseen}>{t(`verdict.${verdict}`)}</span>
        </Text>
        {told.length > 0 && (
          <Text size="xs" c="dimmed" ff="monospace" style={{ overflowWrap: 'anywhere' }}>
            {told.map(([name, value]) => `${name}: ${value}`).join(' · ')}
          </Text>
        )}
        {todo && <Text size="sm">{todo}</Text>}
      </div>
    </li>
  )
}
