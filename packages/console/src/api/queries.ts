/**
 * The server's answers as queries that keep themselves fresh. A browser tab in the background asks nothing.
 *
 * Query keys begin with the app, so that two apps never share an answer.
 */
import {
  keepPreviousData,
  type UseMutationResult,
  type UseQueryResult,
  useMutation,
  useQuery,
  useQueryClient,
} from '@tanstack/react-query'
import { createContext, useContext } from 'react'
import { pollAfterMs } from '../messages/outcomes.ts'
import type { Api } from './client.ts'
import type {
  App,
  Credential,
  CredentialEvent,
  Device,
  DeviceStats,
  DeviceSummary,
  LedgerEntry,
  Message,
  MessageDetail,
  PushTestResult,
} from './shapes.ts'

const APPS_POLL_MS = 60_000
const STATS_POLL_MS = 10_000
const DEVICES_POLL_MS = 15_000
const DEVICE_POLL_MS = 5_000
const CREDENTIALS_POLL_MS = 30_000

export const ApiContext = createContext<Api | undefined>(undefined)

export function useApps(): UseQueryResult<readonly App[]> {
  const api = useApi()
  return useQuery({
    queryKey: ['apps'],
    queryFn: ({ signal }) => api.apps(signal),
    refetchInterval: APPS_POLL_MS,
  })
}

export function useDeviceStats(app: string): UseQueryResult<DeviceStats> {
  const api = useApi()
  return useQuery({
    queryKey: [app, 'stats', 'devices'],
    queryFn: ({ signal }) => api.deviceStats(app, signal),
    refetchInterval: STATS_POLL_MS,
  })
}

export function useMessages(app: string): UseQueryResult<readonly Message[]> {
  const api = useApi()
  return useQuery({
    queryKey: [app, 'messages'],
    queryFn: ({ signal }) => api.messages(app, signal),
    refetchInterval: query => pollAfterMs(query.state.data ?? []),
  })
}

export function useMessage(app: string, id: string): UseQueryResult<MessageDetail> {
  const api = useApi()
  return useQuery({
    queryKey: [app, 'message', id],
    queryFn: ({ signal }) => api.message(app, id, signal),
    refetchInterval: query => pollAfterMs(query.state.data ? [query.state.data] : []),
  })
}

/** While a new search is under way the last one's devices stay in sight. */
export function useDevices(app: string, search: string): UseQueryResult<readonly DeviceSummary[]> {
  const api = useApi()
  return useQuery({
    queryKey: [app, 'devices', search],
    queryFn: ({ signal }) => api.devices(app, search, signal),
    refetchInterval: DEVICES_POLL_MS,
    placeholderData: (previous, query) =>
      query?.queryKey[0] === app ? keepPreviousData(previous) : undefined,
  })
}

export function useDevice(app: string, hwid: string): UseQueryResult<Device> {
  const api = useApi()
  return useQuery({
    queryKey: [app, 'device', hwid],
    queryFn: ({ signal }) => api.device(app, hwid, signal),
    refetchInterval: DEVICE_POLL_MS,
  })
}

export function useLedger(app: string, hwid: string): UseQueryResult<readonly LedgerEntry[]> {
  const api = useApi()
  return useQuery({
    queryKey: [app, 'ledger', hwid],
    queryFn: ({ signal }) => api.ledger(app, hwid, signal),
    refetchInterval: DEVICE_POLL_MS,
  })
}

export function useCredentials(app: string): UseQueryResult<readonly Credential[]> {
  const api = useApi()
  return useQuery({
    queryKey: [app, 'credentials'],
    queryFn: ({ signal }) => api.credentials(app, signal),
    refetchInterval: CREDENTIALS_POLL_MS,
  })
}

export function useCredentialHistory(app: string, id: string): UseQueryResult<readonly CredentialEvent[]> {
  const api = useApi()
  return useQuery({
    queryKey: [app, 'credentials', id, 'history'],
    queryFn: ({ signal }) => api.credentialHistory(app, id, signal),
  })
}

/** A call that changes a credential; what is shown of them is asked for anew when it has ended, however it did. */
export function useCredentialChange<Input>(
  app: string,
  change: (api: Api, input: Input) => Promise<unknown>,
): UseMutationResult<unknown, Error, Input> {
  const api = useApi()
  const client = useQueryClient()
  return useMutation({
    networkMode: 'always',
    mutationFn: (input: Input) => change(api, input),
    onSettled: () => client.invalidateQueries({ queryKey: [app, 'credentials'] }),
  })
}

export function usePushTest(app: string): UseMutationResult<PushTestResult, Error, object> {
  const api = useApi()
  return useMutation({ networkMode: 'always', mutationFn: (input: object) => api.testPush(app, input) })
}

function useApi(): Api {
  const api = useContext(ApiContext)
  if (!api) throw new Error('This component stands outside ApiContext')
  return api
}
