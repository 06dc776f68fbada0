/** What the pages of calls ask the server for. */
import type { CallList, CallView, ListedCall } from '@roost/protocol'
import type { UseMutationResult, UseQueryResult } from '@tanstack/react-query'
import { path, query } from '../api/client.ts'
import { useAnswer, useChange } from '../api/use-api.ts'
import { type Pages, usePages } from '../api/use-pages.ts'

const PAGE = 50
/** The live stream tells nothing of calls. */
const LOOK_EVERY_MS = 10_000
const LOOK_WHILE_RINGING_MS = 2_000

/** The newest first; of one user or of all. */
export function useCalls(app: string, user: string | undefined): Pages<ListedCall> {
  return usePages<CallList, ListedCall>({
    key: [app, 'calls', 'pages', user],
    pathAfter: after => path`v1/apps/${app}/calls` + query({ limit: PAGE, user, after }),
    rowsOf: ({ calls }) => calls,
    refetchInterval: LOOK_EVERY_MS,
  })
}

export function useCall(app: string, id: string): UseQueryResult<CallView> {
  return useAnswer<CallView>({
    key: [app, 'calls', id],
    path: path`v1/apps/${app}/calls/${id}`,
    refetchInterval: ({ state }) => (state.data?.state === 'ringing' ? LOOK_WHILE_RINGING_MS : false),
  })
}

export function useEndCall(app: string, id: string): UseMutationResult<CallView, Error, void> {
  return useChange({
    call: api => api.post<CallView>(path`v1/apps/${app}/calls/${id}/cancel`),
    touches: [[app, 'calls']],
  })
}
