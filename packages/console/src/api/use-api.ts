/**
 * The server's answers as queries that keep themselves fresh, and changes that refresh what they touch.
 *
 * Keys of queries begin with the app, so that two apps never share an answer, and go on with what is asked for
 * (`['A', 'messages', id]`): a change, or an event of the live stream, refreshes all whose key begins with it.
 */
import {
  type QueryKey,
  type UseMutationResult,
  type UseQueryOptions,
  type UseQueryResult,
  useMutation,
  useQuery,
  useQueryClient,
} from '@tanstack/react-query'
import { createContext, useContext } from 'react'
import type { Api, Reading } from './client.ts'

export const ApiContext = createContext<Api | undefined>(undefined)

export function useApi(): Api {
  const api = useContext(ApiContext)
  if (!api) throw new Error('This component stands outside ApiContext')
  return api
}

export interface Asked<T, Shown>
  extends Pick<
    UseQueryOptions<T, Error, Shown>,
    'select' | 'refetchInterval' | 'enabled' | 'placeholderData' | 'staleTime'
  > {
  readonly key: QueryKey
  /** As `path` and `query` of client.ts write it. */
  readonly path: string
}

/** What `GET path` answers. A browser tab in the background asks nothing. */
export function useAnswer<T, Shown = T>({ key, path, ...options }: Asked<T, Shown>): UseQueryResult<Shown> {
  const api = useApi()
  return useQuery<T, Error, Shown>({
    queryKey: key,
    queryFn: ({ signal }) => api.get<T>(path, { signal }),
    ...options,
  })
}

/** As `useAnswer`, with the ETag that a change of it goes out from (`ifMatch`). */
export function useReading<T>({ key, path, isFresh = false }: Read): UseQueryResult<Reading<T>> {
  const api = useApi()
  return useQuery({
    queryKey: key,
    queryFn: ({ signal }) => api.read<T>(path, { signal }),
    ...(isFresh && { gcTime: 0 }),
  })
}

interface Read extends Pick<Asked<unknown, unknown>, 'key' | 'path'> {
  /** What was read before is shown to nobody who opens it again. */
  readonly isFresh?: boolean
}

export interface Change<Input, Output> {
  readonly call: (api: Api, input: Input) => Promise<Output>
  /** Beginnings of the keys of what it may change; asked for anew when it has ended, however it did. */
  readonly touches: readonly QueryKey[]
}

export function useChange<Input = void, Output = unknown>({
  call,
  touches,
}: Change<Input, Output>): UseMutationResult<Output, Error, Input> {
  const api = useApi()
  const client = useQueryClient()
  return useMutation({
    // a server on the same machine or network needs no internet
    networkMode: 'always',
    mutationFn: (input: Input) => call(api, input),
    onSettled: () => Promise.all(touches.map(queryKey => client.invalidateQueries({ queryKey }))),
  })
}
