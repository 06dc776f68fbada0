/** Somebody else has changed meanwhile what is being edited: what was typed stays until its author has seen theirs. */
import { Button, Stack } from '@mantine/core'
import type { ReactElement } from 'react'
import { ApiProblem } from '../api/client.ts'
import { Problem } from './problem.tsx'

export function isChangedMeanwhile(error: Error | null): error is ApiProblem {
  return error instanceof ApiProblem && error.body.code === 'changed_meanwhile'
}

export interface ChangedProps {
  readonly error: Error
  /** On the button that takes theirs. */
  readonly verb: string
  /** What was typed is thrown away. */
  readonly onTheirs: () => void
}

export function Changed({ error, verb, onTheirs }: ChangedProps): ReactElement {
  return (
    <Stack gap={0} align="flex-start">
      <Problem error={error} />
      <Button size="xs" variant="default" onClick={onTheirs}>
        {verb}
      </Button>
    </Stack>
  )
}
