/** What the server has to say of a message, each with the name of its field. */
import { Text } from '@mantine/core'
import type { Remark } from '@roost/protocol'
import type { ReactElement } from 'react'
import { usePlaceName, useRemark } from './remarks.ts'

export function Remarks({ remarks }: { readonly remarks: readonly Remark[] }): ReactElement {
  const wordsOf = useRemark()
  const nameOf = usePlaceName()
  return (
    <>
      {remarks.map(remark => {
        const field = nameOf(remark)
        return (
          <Text
            size="sm"
            key={`${remark.variant} ${remark.text}`}
            mt={4}
            style={{ overflowWrap: 'anywhere' }}
          >
            {field === undefined ? (
              <span aria-hidden>⚠ </span>
            ) : (
              <Text span fw={600}>
                {field}:{' '}
              </Text>
            )}
            {wordsOf(remark)}
          </Text>
        )
      })}
    </>
  )
}
