/** Why a message was not sent or changed: what is wrong with its content by its fields, and what else keeps it by its code. */
import { Alert, Text } from '@mantine/core'
import type { ReactElement } from 'react'
import { ApiProblem } from '../api/client.ts'
import { useTexts } from '../i18n/language.tsx'
import { Problem } from '../parts/problem.tsx'
import { Remarks } from './remark-list.tsx'

const TITLES: ReadonlyMap<string, 'send.used' | 'edit.changed'> = new Map([
  ['idempotency_key_reused', 'send.used'],
  ['changed_meanwhile', 'edit.changed'],
])

export interface SendProblemProps {
  readonly error: Error
  /** What did not come about, where the code says no more. */
  readonly title: string
}

export function SendProblem({ error, title }: SendProblemProps): ReactElement {
  const t = useTexts('compose')
  const body = error instanceof ApiProblem ? error.body : undefined
  const ofCode = TITLES.get(body?.code ?? '')
  if (body?.code === 'message_not_editable')
    return (
      <Alert color="orange" variant="light" title={t('edit.begun')} role="alert">
        <Text size="sm">{t('edit.begun.body')}</Text>
      </Alert>
    )
  if (body?.remarks && body.remarks.length > 0)
    return (
      <Alert color="red" variant="light" title={title} role="alert">
        <Remarks remarks={body.remarks} />
      </Alert>
    )
  return <Problem error={error} title={ofCode ? t(ofCode) : title} />
}
