/** A time as its age, which goes on counting; the exact moment shows on hover. */
import { Tooltip } from '@mantine/core'
import { useInterval } from '@mantine/hooks'
import { type ReactElement, useState } from 'react'
import { useFormat } from '../i18n/language.tsx'

const REDRAW_MS = 5_000

export function Ago({ at }: { readonly at: string }): ReactElement {
  const format = useFormat()
  const [, setDrawn] = useState(0)
  useInterval(() => setDrawn(drawn => drawn + 1), REDRAW_MS, { autoInvoke: true })
  return (
    <Tooltip label={format.moment(at)}>
      <time dateTime={at}>{format.ago(at, Date.now())}</time>
    </Tooltip>
  )
}
