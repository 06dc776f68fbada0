/** What the pages of devices and users ask the server for. */
import type {
  DevicePresence,
  DeviceSummary,
  DeviceView,
  DiagnosisView,
  DoubtView,
  ErasureTarget,
  FoundDevice,
  FoundDevices,
  ReportedTokens,
  SegmentOfDeviceReasons,
  SegmentsOfDevice,
  SuggestedNames,
  TagDefinition,
  TimeLine,
} from '@roost/protocol'
import {
  type InfiniteData,
  type UseInfiniteQueryResult,
  type UseMutationResult,
  type UseQueryResult,
  useInfiniteQuery,
  useQuery,
} from '@tanstack/react-query'
import { path, query } from '../api/client.ts'
import type { DeviceStats } from '../api/shapes.ts'
import { useAnswer, useApi, useChange } from '../api/use-api.ts'

const DEVICES_PER_PAGE = 100
/** The most that a look-up answers. */
const FOUND_MAX = 200
const ENTRIES_PER_PAGE = 50
/** Parts of names are looked for in the whole base. */
const SEARCH_TIMEOUT_MS = 60_000
/** Tags change seldom while somebody edits them. */
const STEADY_MS = 60_000

export function useDeviceStats(app: string): UseQueryResult<DeviceStats> {
  return useAnswer({ key: [app, 'stats', 'devices'], path: path`v1/apps/${app}/stats/devices` })
}

/** Of one device. It begins with the messages, since a message changes it: tokens die of it, receipts come of it. */
const ofDevice = (app: string, hwid: string): readonly string[] => [app, 'messages', 'device', hwid]

export interface DeviceFilter {
  /** A part of the hwid or of the user id. */
  readonly search: string
  readonly state: string
  readonly platform: string
}

export interface DevicePage {
  readonly devices: readonly DeviceSummary[]
  readonly next: string | null
  readonly searched: number
}

export function useDeviceList(
  app: string,
  filter: DeviceFilter | undefined,
): UseInfiniteQueryResult<InfiniteData<DevicePage>> {
  const api = useApi()
  return useInfiniteQuery({
    queryKey: [app, 'devices', filter],
    queryFn: ({ pageParam, signal }) =>
      api.get<DevicePage>(
        path`v1/apps/${app}/devices` + query({ limit: DEVICES_PER_PAGE, ...filter, after: pageParam }),
        { signal, timeoutMs: SEARCH_TIMEOUT_MS },
      ),
    initialPageParam: '',
    getNextPageParam: page => page.next ?? undefined,
    enabled: filter !== undefined,
  })
}

export interface LookUp {
  readonly text: string
  readonly by: 'any' | 'user'
}

export function useLookUp(
  app: string,
  asked: LookUp | undefined,
): UseInfiniteQueryResult<InfiniteData<FoundDevices>> {
  const api = useApi()
  return useInfiniteQuery({
    queryKey: [app, 'devices', 'look-up', asked],
    queryFn: ({ pageParam, signal }) =>
      api.get<FoundDevices>(
        path`v1/apps/${app}/look-up` + query({ limit: FOUND_MAX, ...asked, after: pageParam }),
        { signal, timeoutMs: SEARCH_TIMEOUT_MS },
      ),
    initialPageParam: '',
    getNextPageParam: page => page.next ?? undefined,
    enabled: asked !== undefined,
  })
}

export type DoubtedDevice = DeviceView & { readonly doubt: DoubtView | null }

export function useDevice(app: string, hwid: string): UseQueryResult<DoubtedDevice> {
  return useAnswer({ key: [...ofDevice(app, hwid), 'itself'], path: path`v1/apps/${app}/devices/${hwid}` })
}

/** The live stream tells nothing of it. */
const PRESENCE_EVERY_MS = 10_000

export function usePresence(app: string, hwid: string): UseQueryResult<DevicePresence> {
  return useAnswer({
    key: [...ofDevice(app, hwid), 'presence'],
    path: path`v1/apps/${app}/devices/${hwid}/presence`,
    refetchInterval: PRESENCE_EVERY_MS,
  })
}

export function useTimeLine(app: string, hwid: string): UseInfiniteQueryResult<InfiniteData<TimeLine>> {
  const api = useApi()
  return useInfiniteQuery({
    queryKey: [...ofDevice(app, hwid), 'time-line'],
    queryFn: ({ pageParam, signal }) =>
      api.get<TimeLine>(
        path`v1/apps/${app}/devices/${hwid}/time-line` + query({ limit: ENTRIES_PER_PAGE, after: pageParam }),
        { signal },
      ),
    initialPageParam: '',
    getNextPageParam: page => page.next ?? undefined,
  })
}

/** In the reader's language: it is asked anew when that changes. */
export function useDiagnosis(app: string, hwid: string, lang: string): UseQueryResult<DiagnosisView> {
  const api = useApi()
  return useQuery({
    queryKey: [app, 'diagnosis', hwid, lang],
    queryFn: ({ signal }) =>
      api.post<DiagnosisView>(path`v1/apps/${app}/diagnose`, { device: hwid, lang }, { signal }),
    // it is about this moment
    gcTime: 0,
  })
}

/** All pages that were asked for; they are about this moment. */
export function useSegmentsOf(
  app: string,
  hwid: string,
): UseInfiniteQueryResult<InfiniteData<SegmentsOfDevice>> {
  const api = useApi()
  return useInfiniteQuery({
    queryKey: [...ofDevice(app, hwid), 'segments'],
    queryFn: ({ pageParam, signal }) =>
      api.get<SegmentsOfDevice>(path`v1/apps/${app}/devices/${hwid}/segments` + query({ after: pageParam }), {
        signal,
      }),
    initialPageParam: '',
    getNextPageParam: page => page.next ?? undefined,
  })
}

/** Why it is in a segment, or is not; asked when somebody wants to know. */
export function useReasons(
  app: string,
  hwid: string,
  segment: string,
): UseQueryResult<SegmentOfDeviceReasons> {
  return useAnswer({
    key: [...ofDevice(app, hwid), 'segments', segment],
    path: path`v1/apps/${app}/devices/${hwid}/segments/${segment}`,
  })
}

export function useTagDefinitions(app: string): UseQueryResult<readonly TagDefinition[]> {
  return useAnswer<{ readonly tags: readonly TagDefinition[] }, readonly TagDefinition[]>({
    key: [app, 'tags'],
    path: path`v1/apps/${app}/tags`,
    select: ({ tags }) => tags,
    staleTime: STEADY_MS,
  })
}

export function useTagNames(app: string, isAsked: boolean): UseQueryResult<SuggestedNames> {
  return useAnswer({
    key: [app, 'suggestions'],
    path: path`v1/apps/${app}/suggestions`,
    staleTime: STEADY_MS,
    enabled: isAsked,
  })
}

export interface ChangedTags extends DeviceView {
  readonly skippedTags: readonly { readonly tag: string; readonly reason: string }[]
}

/** A value sets a tag, null takes it away. */
export function useChangeTags(
  app: string,
  hwid: string,
): UseMutationResult<ChangedTags, Error, Readonly<Record<string, unknown>>> {
  return useChange({
    call: (api, tags) => api.patch<ChangedTags>(path`v1/apps/${app}/devices/${hwid}`, { tags }),
    touches: [ofDevice(app, hwid)],
  })
}

export function useUnregister(app: string, hwid: string): UseMutationResult<DeviceView, Error, void> {
  return useChange({
    call: api => api.post<DeviceView>(path`v1/apps/${app}/devices/${hwid}/unregister`),
    touches: [ofDevice(app, hwid), [app, 'diagnosis', hwid], [app, 'devices'], [app, 'users']],
  })
}

export type PersonalData = Readonly<Record<string, readonly unknown[]>>

/** All that is held of a device or a person: what is handed out, and what an erasure would take. */
export function usePersonalData(
  app: string,
  target: ErasureTarget | undefined,
): UseQueryResult<PersonalData> {
  const api = useApi()
  return useQuery({
    queryKey: [app, 'personal-data', target],
    queryFn: ({ signal }) => api.post<PersonalData>(path`v1/apps/${app}/personal-data`, target, { signal }),
    enabled: target !== undefined,
    gcTime: 0,
    staleTime: 0,
  })
}

/** Nothing of it is asked for again: there is nothing left to ask for. */
export function useErase(app: string): UseMutationResult<unknown, Error, ErasureTarget> {
  return useChange({
    call: (api, target) => api.post(path`v1/apps/${app}/erasures`, target),
    touches: [
      [app, 'devices'],
      [app, 'users'],
      [app, 'testDevices'],
    ],
  })
}

export interface User {
  readonly userId: string
  readonly devices: readonly DeviceSummary[]
  readonly hasMore: boolean
}

export function useUser(app: string, user: string): UseQueryResult<User> {
  return useAnswer({ key: [app, 'users', user], path: path`v1/apps/${app}/users/${user}` })
}

export function useLogOut(
  app: string,
  user: string,
): UseMutationResult<{ readonly devices: number }, Error, void> {
  return useChange({
    call: api => api.post<{ readonly devices: number }>(path`v1/apps/${app}/users/${user}/logout`),
    touches: [
      [app, 'users'],
      [app, 'devices'],
      [app, 'messages', 'device'],
    ],
  })
}

export function useReportedTokens(
  app: string,
  asked: { readonly user: string; readonly day: string } | undefined,
): UseQueryResult<ReportedTokens> {
  return useAnswer({
    key: [app, 'users', asked?.user, 'reported', asked?.day],
    path: path`v1/apps/${app}/users/${asked?.user ?? ''}/reported-tokens` + query({ day: asked?.day }),
    enabled: asked !== undefined,
  })
}

export type { FoundDevice }
