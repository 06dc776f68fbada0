/** Who can mend a cause and how, and the page of the console where that is done, if it has one. */
import { Text } from '@mantine/core'
import type { Mender, RuleId } from '@roost/protocol'
import type { ReactElement } from 'react'
import { useTexts } from '../i18n/language.tsx'
import { TextLink } from '../parts/link.tsx'
import { StateBadge } from '../parts/state-badge.tsx'
import type { Tone } from '../parts/tone.ts'
import css from './messages.module.css'

export interface Remedy {
  readonly who: Mender
  readonly steps: readonly { readonly key: string; readonly text: string }[]
}

export interface RemedyTextProps {
  readonly app: string
  readonly rule: RuleId | null
  readonly remedy: Remedy
}

const TONES: Readonly<Record<Mender, Tone>> = {
  operator: 'busy',
  developer: 'busy',
  user: 'plain',
  nobody: 'plain',
}

export function RemedyText({ app, rule, remedy }: RemedyTextProps): ReactElement {
  const t = useTexts('diagnosis')
  return (
    <div className={css.remedy}>
      <span>
        <StateBadge tone={TONES[remedy.who]} label={t.known(`who.${remedy.who}`) ?? remedy.who} />
      </span>
      <div>
        {remedy.steps.map(({ key, text }) => (
          <Text size="sm" key={key}>
            {text}
          </Text>
        ))}
        <MendingLink app={app} rule={rule} />
      </div>
    </div>
  )
}

/** Causes that lie in a credential: DX-01 to DX-14. */
function isOfCredential(rule: RuleId): boolean {
  const number = Number(rule.slice(3))
  return number >= 1 && number <= 14
}

function MendingLink({
  app,
  rule,
}: {
  readonly app: string
  readonly rule: RuleId | null
}): ReactElement | null {
  const t = useTexts('diagnosis')
  if (rule === null || !isOfCredential(rule)) return null
  return (
    <TextLink to="/apps/$app/credentials" params={{ app }} size="sm">
      {t('mend.credentials')}
    </TextLink>
  )
}
