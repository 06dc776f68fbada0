/** What the page of credentials asks the server for, and changes there. */
import type { Integration } from '@roost/protocol'
import { type UseMutationResult, type UseQueryResult, useQuery } from '@tanstack/react-query'
import { type Api, path, type Reading } from '../api/client.ts'
import type { Credential, CredentialEvent } from '../api/shapes.ts'
import { useAnswer, useApi, useChange } from '../api/use-api.ts'

export function useCredentials(app: string): UseQueryResult<readonly Credential[]> {
  return useAnswer<{ readonly credentials: readonly Credential[] }, readonly Credential[]>({
    key: [app, 'credentials'],
    path: path`v1/apps/${app}/credentials`,
    select: ({ credentials }) => credentials,
  })
}

export function useCredentialHistory(app: string, id: string): UseQueryResult<readonly CredentialEvent[]> {
  return useAnswer<{ readonly entries: readonly CredentialEvent[] }, readonly CredentialEvent[]>({
    key: [app, 'credentials', id, 'history'],
    path: path`v1/apps/${app}/credentials/${id}/history`,
    select: ({ entries }) => entries,
  })
}

/** A call that changes a credential; what is shown of them is asked for anew when it has ended, however it did. */
export function useCredentialChange<Input, Output = unknown>(
  app: string,
  call: (api: Api, input: Input) => Promise<Output>,
): UseMutationResult<Output, Error, Input> {
  return useChange({ call, touches: [[app, 'credentials']] })
}

/**
 * The slot as it is when somebody begins to replace its content; not refreshed, so that what others have changed since is noticed when the new
 * content is sent.
 */
export function useSlotReading(app: string, id: string | undefined): UseQueryResult<Reading<Credential>> {
  const api = useApi()
  return useQuery({
    queryKey: [app, 'credential-reading', id],
    queryFn: ({ signal }) => api.read<Credential>(path`v1/apps/${app}/credentials/${id ?? ''}`, { signal }),
    enabled: id !== undefined,
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 0,
  })
}

export interface Upload {
  /** The slot whose content is replaced; a new one without it. */
  readonly id?: string | undefined
  readonly ifMatch?: string | undefined
  readonly content: object
}

export function upload(api: Api, app: string, { id, ifMatch, content }: Upload): Promise<Credential> {
  return id === undefined
    ? api.post(path`v1/apps/${app}/credentials`, content)
    : api.put(path`v1/apps/${app}/credentials/${id}`, content, { ifMatch })
}

export type Served = Integration['environments'][number]

/** How many addresses each gateway and environment has. */
export function useServed(app: string): UseQueryResult<readonly Served[]> {
  return useAnswer<Integration, readonly Served[]>({
    key: [app, 'integration'],
    path: path`v1/apps/${app}/integration`,
    select: ({ environments }) => environments,
  })
}
