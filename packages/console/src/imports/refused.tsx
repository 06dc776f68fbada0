/** The rows of an import that were refused: how many, and which and why as a file. */
import { Button, Group, Text } from '@mantine/core'
import type { ImportView } from '@roost/protocol'
import { type ReactElement, useState } from 'react'
import { useApi } from '../api/use-api.ts'
import { useFormat, useTexts } from '../i18n/language.tsx'
import { Problem } from '../parts/problem.tsx'
import { saveFile } from '../parts/save-file.ts'
import { readRefusals } from './calls.ts'

export interface RefusedProps {
  readonly app: string
  readonly view: Pick<ImportView, 'id' | 'refused'>
}

export function Refused({ app, view: { id, refused } }: RefusedProps): ReactElement {
  const t = useTexts('imports')
  const format = useFormat()
  const api = useApi()
  const [error, setError] = useState<Error>()
  const save = (): void => {
    setError(undefined)
    readRefusals(api, app, id).then(
      file => saveFile(`refused-${id}.csv`, file),
      (fault: unknown) => setError(fault instanceof Error ? fault : new Error(String(fault))),
    )
  }
  if (refused === 0) return <Text span>{format.count(0)}</Text>
  return (
    <>
      <Group gap={6} justify="flex-end" wrap="nowrap">
        {format.count(refused)}
        <Button size="compact-xs" variant="default" onClick={save}>
          {t('refused.save')}
        </Button>
      </Group>
      {error && <Problem error={error} onRetry={save} />}
    </>
  )
}
