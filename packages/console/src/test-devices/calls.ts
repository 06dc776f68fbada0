/** What the page of test devices asks the server for. */
import type { InvitationView, MadeInvitation, NewInvitation, SelfCheckView } from '@roost/protocol'
import { type UseMutationResult, type UseQueryResult, useQueryClient } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { ApiProblem, path } from '../api/client.ts'
import { useAnswer, useApi, useChange } from '../api/use-api.ts'
import { readEvents } from '../live/events.ts'

export interface TestDevice {
  readonly hwid: string
  readonly name: string
  readonly description: string | null
  readonly createdAt: string
  readonly selfCheck: SelfCheckView | null
}

interface TestDevices {
  readonly testDevices: readonly TestDevice[]
}

export function useTestDevices(app: string): UseQueryResult<readonly TestDevice[]> {
  return useAnswer<TestDevices, readonly TestDevice[]>({
    key: [app, 'testDevices'],
    path: path`v1/apps/${app}/test-devices`,
    select: ({ testDevices }) => testDevices,
  })
}

/** Makes a device a test device, or gives one another name. */
export function useNameTestDevice(
  app: string,
): UseMutationResult<
  unknown,
  Error,
  { readonly hwid: string; readonly name: string; readonly description?: string }
> {
  return useChange({
    call: (api, device) => api.post(path`v1/apps/${app}/test-devices`, device),
    touches: [
      [app, 'testDevices'],
      [app, 'messages', 'device'],
    ],
  })
}

export function useRemoveTestDevice(app: string): UseMutationResult<unknown, Error, string> {
  return useChange({
    call: (api, hwid) => api.delete(path`v1/apps/${app}/test-devices/${hwid}`),
    touches: [
      [app, 'testDevices'],
      [app, 'messages', 'device'],
    ],
  })
}

export function useInvite(app: string): UseMutationResult<MadeInvitation, Error, NewInvitation> {
  return useChange({
    call: (api, wanted) => api.post<MadeInvitation>(path`v1/apps/${app}/test-devices/invitations`, wanted),
    touches: [],
  })
}

export function useEndInvitation(app: string): UseMutationResult<unknown, Error, string> {
  return useChange({
    call: (api, id) => api.delete(path`v1/apps/${app}/test-devices/invitations/${id}`),
    touches: [[app, 'testDevices']],
  })
}

const PAUSE_MS = 1_000

/** An invitation as it changes, from `made` on, until it is done or over; a stream that breaks is begun again. */
export function useLiveInvitation(app: string, made: InvitationView): InvitationView {
  const api = useApi()
  const client = useQueryClient()
  const [view, setView] = useState(made)
  const { id } = made
  useEffect(() => {
    const stop = new AbortController()
    const { signal } = stop
    const follow = async (): Promise<void> => {
      for (;;) {
        const ended = await followOnce().catch((error: unknown) => isFinal(error))
        if (signal.aborted || ended) return
        await new Promise(resolve => setTimeout(resolve, PAUSE_MS))
        if (signal.aborted) return
      }
    }
    /** Whether there is nothing more to come. */
    const followOnce = async (): Promise<boolean> => {
      const { body } = await api.open(path`v1/apps/${app}/test-devices/invitations/${id}/live`, {
        signal,
        accept: 'text/event-stream',
      })
      let last: InvitationView | undefined
      if (body) {
        for await (const { name, data } of readEvents(body)) {
          if (name !== 'invitation') continue
          last = JSON.parse(data) as InvitationView
          setView(last)
          // somewhere on the way it becomes one of them
          void client.invalidateQueries({ queryKey: [app, 'testDevices'] })
        }
      }
      return last?.state === 'done' || last?.state === 'over'
    }
    void follow()
    return () => stop.abort()
  }, [api, app, client, id])
  return view
}

function isFinal(error: unknown): boolean {
  return error instanceof ApiProblem && !error.isPassing
}
