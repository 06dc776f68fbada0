/** What an expression looks like, with names and values of this app where it has any; a click takes one over. */
import { Button, Text, UnstyledButton } from '@mantine/core'
import { type ReactElement, useId, useState } from 'react'
import { useTexts } from '../i18n/language.tsx'
import { useNames, useValues } from './calls.ts'
import { type Example, examplesOf } from './example-texts.ts'
import css from './segments.module.css'

export interface ExamplesProps {
  readonly app: string
  readonly onTake: (expression: string) => void
}

export function Examples({ app, onTake }: ExamplesProps): ReactElement {
  const t = useTexts('segments')
  const list = useId()
  const [isOpen, setOpen] = useState(false)
  return (
    <div>
      <Button
        size="compact-xs"
        variant="default"
        mt="xs"
        aria-expanded={isOpen}
        aria-controls={list}
        onClick={() => setOpen(!isOpen)}
      >
        {t('text.examples')}
      </Button>
      <ul id={list} className={css.examples} hidden={!isOpen}>
        {isOpen && <Items app={app} onTake={onTake} />}
      </ul>
    </div>
  )
}

function Items({ app, onTake }: ExamplesProps): ReactElement[] {
  const t = useTexts('segments')
  const { data } = useNames(app)
  const tag = data?.tags.find(({ type }) => type === 'string')?.name
  const [value] = useValues(app, tag === undefined ? undefined : { tag }, '')
  const examples = examplesOf({ tag, value, event: data?.events[0]?.name })
  return (Object.entries(examples) as [Example, string][]).map(([example, expression]) => (
    <li key={example}>
      <Text span size="sm">
        {t(`example.${example}`)}
      </Text>
      <UnstyledButton className={css.example} onClick={() => onTake(expression)}>
        {expression}
      </UnstyledButton>
    </li>
  ))
}
