/** The apps that whoever is signed in may look at. */
import type { UseMutationResult, UseQueryResult } from '@tanstack/react-query'
import { useAnswer, useChange } from '../api/use-api.ts'

const POLL_MS = 60_000

export interface App {
  readonly code: string
  readonly name: string
  readonly createdAt: string
  /** Of its days and hours in the statistics. */
  readonly timeZone: string
  /** Null: it serves. */
  readonly archivedAt: string | null
}

export interface MadeApp extends App {
  readonly deviceToken: string
}

export function useApps(): UseQueryResult<readonly App[]> {
  return useAnswer<{ readonly apps: readonly App[] }, readonly App[]>({
    key: ['apps'],
    path: 'v1/apps',
    select: ({ apps }) => apps,
    refetchInterval: POLL_MS,
  })
}

/** Undefined as long as nobody has told, and of no app. */
export function useIsKnown(code: string | undefined): boolean | undefined {
  const { data } = useApps()
  return code === undefined ? undefined : data?.some(it => it.code === code)
}

export function useMakeApp(): UseMutationResult<MadeApp, Error, string> {
  return useChange<string, MadeApp>({
    call: (api, name) => api.post('v1/apps', { name }),
    touches: [['apps'], ['me']],
  })
}
