/** What the server has found, in its words, with the times in it as the reader writes them and on his own clock. */
import type { Pieces } from '@roost/protocol'
import type { ReactElement } from 'react'
import { useFormat } from '../i18n/language.tsx'

export function Told({ pieces }: { readonly pieces: Pieces }): ReactElement {
  const format = useFormat()
  return <>{pieces.map(it => (typeof it === 'string' ? it : format.moment(it.at)))}</>
}
