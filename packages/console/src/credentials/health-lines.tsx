/** What is wrong with a credential, and below it what mends it. */
import { Text } from '@mantine/core'
import type { ReactElement } from 'react'
import type { HealthWords } from './health.ts'

/** Undefined for the moment in which the words are on their way. */
export function HealthLines({ words }: { readonly words: HealthWords | undefined }): ReactElement {
  return (
    <div lang={words?.lang}>
      <Text size="sm">{words?.what}</Text>
      <Text size="sm" fw={600}>
        {words?.remedy}
      </Text>
    </div>
  )
}
