/** The pages on which a segment is written: a new one, and one that exists. */

import type { SegmentView } from '@roost/protocol'
import { getRouteApi } from '@tanstack/react-router'
import { type ReactElement, useRef } from 'react'
import type { Reading } from '../api/client.ts'
import { Loaded, Waiting } from '../parts/page.tsx'
import { useAppCode } from '../session/session.tsx'
import { useSegment } from './calls.ts'
import { SegmentEditor } from './editor.tsx'

const route = getRouteApi('/apps/$app/segments/$segment/edit')

export function NewSegmentPage(): ReactElement {
  return <SegmentEditor app={useAppCode()} />
}

export function EditSegmentPage(): ReactElement {
  const app = useAppCode()
  const { segment } = route.useParams()
  const query = useSegment(app, segment)
  const isOpen = useRef(false)
  // what another page has read may be old by now, and the first save would be refused; once open, the form stays
  isOpen.current ||= !query.isFetching || query.isFetchedAfterMount
  if (!isOpen.current) return <Waiting lines={10} />
  return (
    <Loaded query={query} lines={10}>
      {reading => <Opened app={app} reading={reading} />}
    </Loaded>
  )
}

/** What is read anew while the form is open changes nothing of it. */
function Opened({
  app,
  reading,
}: {
  readonly app: string
  readonly reading: Reading<SegmentView>
}): ReactElement {
  const first = useRef(reading)
  return <SegmentEditor app={app} reading={first.current} />
}
