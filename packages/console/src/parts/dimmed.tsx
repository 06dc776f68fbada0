/** What stands in a table where there is nothing to say, or little. */
import { Text } from '@mantine/core'
import type { ReactElement } from 'react'

export function Dimmed({ children }: { readonly children: string }): ReactElement {
  return (
    <Text span size="sm" c="dimmed">
      {children}
    </Text>
  )
}
