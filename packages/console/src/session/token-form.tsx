/** Asks for the server token, and says why the last one was not taken. */
import { Anchor, Button, Code, PasswordInput, Stack } from '@mantine/core'
import { type ReactElement, useState } from 'react'
import { ApiProblem, type ProblemBody } from '../api/client.ts'
import { useTexts } from '../i18n/language.tsx'
import { Problem } from '../parts/problem.tsx'
import { Entrance } from './entrance.tsx'

export interface TokenFormProps {
  readonly refusal: ProblemBody | undefined
  readonly onToken: (token: string) => void
  /** Where there are people: back to name and password. */
  readonly onName?: () => void
}

export function TokenForm({ refusal, onToken, onName }: TokenFormProps): ReactElement {
  const t = useTexts('access')
  const [token, setToken] = useState('')
  const isEmpty = token.trim() === ''
  return (
    <Entrance
      title={t('token.title')}
      about={t.rich<ReactElement>('token.about', { code: chunks => <Code key="code">{chunks}</Code> })}
    >
      <form
        onSubmit={event => {
          event.preventDefault()
          if (!isEmpty) onToken(token.trim())
        }}
      >
        <Stack gap="md">
          {refusal && <Problem error={new ApiProblem(refusal)} title={t('token.refused')} />}
          <PasswordInput
            label={t('token.label')}
            autoComplete="off"
            spellCheck={false}
            autoFocus
            value={token}
            onChange={event => setToken(event.currentTarget.value)}
          />
          <Button type="submit" disabled={isEmpty}>
            {t('token.open')}
          </Button>
        </Stack>
      </form>
      {onName && (
        <Anchor component="button" type="button" size="sm" mt="md" onClick={onName}>
          {t('token.withName')}
        </Anchor>
      )}
    </Entrance>
  )
}
