/** What the page of a new message asks the server for. */
import type {
  AppRules,
  CompiledSegment,
  ListView,
  MessageView,
  PreflightView,
  Preview,
  ScheduleView,
  SegmentSize,
  SegmentView,
  SuggestedNames,
  SuggestedValues,
} from '@roost/protocol'
import { keepPreviousData, type UseQueryResult, useQuery } from '@tanstack/react-query'
import { path, query, type Reading } from '../api/client.ts'
import { useAnswer, useApi } from '../api/use-api.ts'
import type { Body } from './request.ts'

/** Tags and rules change seldom while somebody writes. */
const STEADY_MS = 60_000
/** It looks at images, counts, and diagnoses some devices. */
const PREFLIGHT_TIMEOUT_MS = 60_000

export interface TestDevice {
  readonly hwid: string
  readonly name: string
}

export function useSegmentNames(app: string): UseQueryResult<readonly SegmentView[]> {
  return useAnswer<{ readonly segments: readonly SegmentView[] }, readonly SegmentView[]>({
    key: [app, 'segments'],
    path: path`v1/apps/${app}/segments`,
    select: ({ segments }) => segments,
  })
}

export function useListNames(app: string, isAsked: boolean): UseQueryResult<readonly ListView[]> {
  return useAnswer<{ readonly lists: readonly ListView[] }, readonly ListView[]>({
    key: [app, 'lists'],
    path: path`v1/apps/${app}/lists`,
    select: ({ lists }) => lists,
    enabled: isAsked,
  })
}

export function useTestDevices(app: string): UseQueryResult<readonly TestDevice[]> {
  return useAnswer<{ readonly testDevices: readonly TestDevice[] }, readonly TestDevice[]>({
    key: [app, 'testDevices'],
    path: path`v1/apps/${app}/test-devices`,
    select: ({ testDevices }) => testDevices,
  })
}

export function useAppRules(app: string): UseQueryResult<AppRules> {
  return useAnswer({ key: [app, 'rules'], path: path`v1/apps/${app}/rules`, staleTime: STEADY_MS })
}

export function useSuggestedNames(app: string): UseQueryResult<SuggestedNames> {
  return useAnswer({
    key: [app, 'suggestions'],
    path: path`v1/apps/${app}/suggestions`,
    staleTime: STEADY_MS,
  })
}

export function useSuggestedValues(
  app: string,
  field: 'language' | 'channel',
): UseQueryResult<SuggestedValues> {
  return useAnswer({
    key: [app, 'suggestions', field],
    path: path`v1/apps/${app}/suggestions/values` + query({ field }),
    staleTime: STEADY_MS,
  })
}

/** The message that is copied. It is read once: what is typed meanwhile is not to be lost. */
export function useCopied(app: string, id: string | undefined): UseQueryResult<MessageView> {
  return useAnswer({
    key: [app, 'copied', id],
    path: path`v1/apps/${app}/messages/${id ?? ''}`,
    enabled: id !== undefined,
    staleTime: Number.POSITIVE_INFINITY,
  })
}

export function keyOfEdited(app: string, id: string | undefined): readonly unknown[] {
  return [app, 'edited', id]
}

/** The message that is changed, with the ETag that the change goes out from. It is read once, as a copy is. */
export function useEdited(app: string, id: string | undefined): UseQueryResult<Reading<MessageView>> {
  const api = useApi()
  return useQuery({
    queryKey: keyOfEdited(app, id),
    queryFn: ({ signal }) => api.read<MessageView>(path`v1/apps/${app}/messages/${id ?? ''}`, { signal }),
    enabled: id !== undefined,
    staleTime: Number.POSITIVE_INFINITY,
    // it may have gone by the next visit
    gcTime: 0,
  })
}

/** How many are meant, and how many of them can be reached. */
export function useAudienceSize(app: string, condition: object | undefined): UseQueryResult<SegmentSize> {
  const api = useApi()
  return useQuery({
    queryKey: [app, 'audience', condition],
    queryFn: async ({ signal }) => {
      const asked = { condition, reach: true }
      const { size } = await api.post<CompiledSegment>(path`v1/apps/${app}/segments/compile`, asked, {
        signal,
      })
      return size
    },
    enabled: condition !== undefined,
    placeholderData: keepPreviousData,
    staleTime: STEADY_MS,
  })
}

export interface PreviewAsked {
  readonly content: Body
  readonly to: Body | undefined
  readonly devices: readonly string[] | undefined
}

/** While another one is made the last one stays in sight. */
export function usePreview(app: string, asked: PreviewAsked | undefined): UseQueryResult<Preview> {
  const api = useApi()
  return useQuery({
    queryKey: [app, 'preview', asked],
    queryFn: ({ signal }) => api.post<Preview>(path`v1/apps/${app}/messages/preview`, asked, { signal }),
    enabled: asked !== undefined,
    placeholderData: keepPreviousData,
    staleTime: STEADY_MS,
    // what can't be read is told beside its field by the draft itself
    retry: false,
  })
}

export function usePreflight(app: string, send: Body): UseQueryResult<PreflightView> {
  const api = useApi()
  return useQuery({
    queryKey: [app, 'preflight', send],
    queryFn: ({ signal }) =>
      api.post<PreflightView>(
        path`v1/apps/${app}/diagnose`,
        { send, lang: document.documentElement.lang },
        { signal, timeoutMs: PREFLIGHT_TIMEOUT_MS },
      ),
    // it is about this moment
    gcTime: 0,
    staleTime: Number.POSITIVE_INFINITY,
  })
}

export interface Made {
  readonly id: string
}

export function useSchedule(app: string, id: string): UseQueryResult<ScheduleView> {
  return useAnswer({ key: [app, 'schedules', id], path: path`v1/apps/${app}/schedules/${id}` })
}

export interface Trace {
  readonly outcome: string
  readonly reason: string | null
  readonly gateway: string | null
}

/** What became of a message for one device; asked for anew when the live stream tells of messages. */
export function useTrace(app: string, id: string, hwid: string): UseQueryResult<Trace> {
  return useAnswer({
    key: [app, 'messages', id, 'trace', hwid],
    path: path`v1/apps/${app}/messages/${id}/trace` + query({ hwid }),
  })
}
