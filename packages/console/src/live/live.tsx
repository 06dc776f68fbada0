/**
 * The live values of the app that is open: one stream for all pages and tabs, connected again when it breaks.
 *
 * What an event is about is asked for anew where it is shown, so a page needs nothing of this to stay fresh; who wants
 * the values themselves takes them with `useLive`.
 */

import { useDocumentVisibility } from '@mantine/hooks'
import type { LiveKind, LivePicture } from '@roost/protocol'
import { useQueryClient } from '@tanstack/react-query'
import {
  createContext,
  type ReactElement,
  type ReactNode,
  useContext,
  useEffect,
  useRef,
  useState,
} from 'react'
import { useApi } from '../api/use-api.ts'
import { useSession } from '../session/session.tsx'
import { ReachabilityContext } from '../shell/connection-line.tsx'
import type { ServerEvent } from './events.ts'
import { listen } from './listen.ts'
import { applyEvent, kindOf, kindsChanged } from './picture.ts'

/** Beginnings of keys, after the app, of what an event is about. */
const TOUCHED: Readonly<Record<LiveKind, readonly string[]>> = {
  message: ['messages'],
  alert: ['alerts'],
  job: ['jobs'],
  credential: ['credentials'],
  devices: ['stats'],
  work: ['works'],
  trouble: [],
}

/** Asked for at a pace of their own by the pages that follow them (messages/follow.ts). Here they are told old alone, for who comes back to one. */
const FOLLOWED = ['messageList', 'message'] as const

/** A page has read these before its first picture was there: what happened between the two is told by neither. */
const READ_BEFORE: readonly LiveKind[] = ['message', 'alert', 'job', 'credential', 'work']

const LiveContext = createContext<LivePicture | undefined>(undefined)

/** Undefined until it is there, and while the stream is broken. */
export function useLive(): LivePicture | undefined {
  return useContext(LiveContext)
}

export interface LiveProviderProps {
  readonly app: string
  readonly children: ReactNode
}

export function LiveProvider({ app, children }: LiveProviderProps): ReactElement {
  const api = useApi()
  const client = useQueryClient()
  const person = useSession().me.person?.id
  const reachability = useContext(ReachabilityContext)
  const [picture, setPicture] = useState<LivePicture>()
  const isVisible = useDocumentVisibility() === 'visible'
  const known = useRef<{ readonly app: string; readonly picture: LivePicture | undefined }>(undefined)
  useEffect(() => {
    if (!isVisible) return undefined // what nobody looks at costs the server nothing
    const refresh = (kinds: readonly LiveKind[]): void => {
      for (const kind of kinds)
        if (TOUCHED[kind].length > 0) void client.invalidateQueries({ queryKey: [app, ...TOUCHED[kind]] })
      if (kinds.includes('message'))
        for (const key of FOLLOWED)
          void client.invalidateQueries({ queryKey: [app, key], refetchType: 'none' })
    }
    const onEvent = (event: ServerEvent): void => {
      const before = known.current?.app === app ? known.current.picture : undefined
      const now = applyEvent(before, event)
      known.current = { app, picture: now }
      setPicture(now)
      const kind = kindOf(event)
      if (kind) refresh([kind])
      // the first one since the stream broke, or the tab was looked at: what was not told meanwhile shows in it
      else if (event.name === 'picture' && now) refresh(before ? kindsChanged(before, now) : READ_BEFORE)
    }
    const onBroken = (isUnreachable: boolean): void => {
      setPicture(undefined)
      if (isUnreachable) reachability?.report(false)
    }
    const end = listen({ api, app, person, onEvent, onBroken })
    return () => {
      end()
      setPicture(undefined)
    }
  }, [api, app, client, isVisible, person, reachability])
  return <LiveContext value={picture}>{children}</LiveContext>
}
