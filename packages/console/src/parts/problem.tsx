/**
 * Why something did not work: a title in the reader's language, what is wrong, what mends it, and another try.
 *
 * What the server refuses is told by its code, in its own English words where the console has none; what the console itself says
 * of an answer that never came is in the texts that are always there.
 */
import { Alert, Button, Code, Group, Stack, Text } from '@mantine/core'
import type { ReactElement } from 'react'
import { ApiProblem, type ProblemBody } from '../api/client.ts'
import { useLateTexts, useTexts } from '../i18n/language.tsx'
import type { Translate } from '../i18n/translate.ts'
import type { TextKey } from '../texts/areas.ts'
import { type ProblemWords, wordsOf } from './problem-words.ts'

export interface ProblemProps {
  readonly error: Error
  /** What did not come about; by the code of the problem unless given. */
  readonly title?: string
  readonly onRetry?: () => void
}

export function Problem({ error, title, onRetry }: ProblemProps): ReactElement | null {
  const t = useTexts('common')
  const body = error instanceof ApiProblem ? error.body : undefined
  const { words, isReady } = useProblemWords(body)
  if (!isReady) return null
  const heading = title ?? words?.what ?? t('problem.load')
  return (
    <Alert color="orange" variant="light" title={heading} mb="md" role="alert">
      <Stack gap={6} align="flex-start">
        {body && words ? (
          <ProblemText body={body} words={words} isTold={heading === words.what} />
        ) : (
          <Text size="sm">{error.message}</Text>
        )}
        {onRetry && (
          <Button size="xs" variant="default" onClick={onRetry}>
            {t('retry')}
          </Button>
        )}
      </Stack>
    </Alert>
  )
}

interface ProblemTextProps {
  readonly body: ProblemBody
  readonly words: ProblemWords
  /** The title says what is wrong. */
  readonly isTold: boolean
}

/** What is wrong, what to do, and what to quote when asking for help. */
function ProblemText({ body, words, isTold }: ProblemTextProps): ReactElement {
  const t = useTexts('common')
  const { what, said, remedy } = words
  return (
    <>
      {what && !isTold && <Text size="sm">{what}</Text>}
      {said && (
        <Text size="sm" lang={said.lang} style={{ overflowWrap: 'anywhere' }}>
          {said.text}
        </Text>
      )}
      <Text size="sm" fw={600} lang={remedy.lang}>
        {remedy.text}
      </Text>
      <Group gap={6}>
        <Code>{body.code}</Code>
        {body.requestId && (
          <Text size="xs" c="dimmed">
            {t('problem.request', { id: body.requestId })}
          </Text>
        )}
      </Group>
    </>
  )
}

/** Not ready for the moment in which the texts are on their way. */
function useProblemWords(body: ProblemBody | undefined): {
  readonly words: ProblemWords | undefined
  readonly isReady: boolean
} {
  const common = useTexts('common')
  // a server that does not answer gives no texts either
  const isOurs = body !== undefined && common.known(`problem.${body.code}.remedy`) !== undefined
  const { t, isSettled } = useLateTexts(body && !isOurs ? 'problems' : undefined)
  if (body === undefined) return { words: undefined, isReady: true }
  return isOurs
    ? { words: ownWords(body, common), isReady: true }
    : { words: wordsOf(body, t), isReady: isSettled }
}

/** Of an answer that never came, or that is none. */
function ownWords({ code, status }: ProblemBody, t: Translate<TextKey<'common'>>): ProblemWords {
  const say = (key: string): string => t.known(`problem.${code}${key}`, { status }) ?? ''
  return { what: say(''), said: { text: say('.detail') }, remedy: { text: say('.remedy') } }
}
