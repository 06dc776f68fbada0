/** What the pages of segments ask the server for. */
import { useDebouncedValue } from '@mantine/hooks'
import type {
  AuditEntry,
  CompiledSegment,
  Condition,
  ListView,
  LiveWork,
  NewSegment,
  SegmentExportView,
  SegmentMembers,
  SegmentPatch,
  SegmentPreview,
  SegmentSize,
  SegmentUse,
  SegmentView,
  SuggestedNames,
  SuggestedValues,
} from '@roost/protocol'
import {
  type UseInfiniteQueryResult,
  type UseMutationResult,
  type UseQueryResult,
  useInfiniteQuery,
  useQuery,
} from '@tanstack/react-query'
import { path, query, type Reading } from '../api/client.ts'
import { useAnswer, useApi, useChange } from '../api/use-api.ts'
import { useLive } from '../live/live.tsx'
import { useRefreshOn } from '../live/use-refresh.ts'

const SUGGESTED_FOR_MS = 5 * 60_000
/** Typing that goes on for less asks nothing. */
export const PREVIEW_AFTER_MS = 400
const SUGGEST_AFTER_MS = 200
/** Of work that is over before the live stream has seen it. */
const ASK_AGAIN_MS = 1_500
const COUNT_TIMEOUT_MS = 120_000
const MEMBERS_SHOWN = 25

// ── segments ──────────────────────────────────────────────────────────────────────────────────────────────────────────

export function useSegments(app: string): UseQueryResult<readonly SegmentView[]> {
  const key = [app, 'segments']
  useEndsOf('segment', key)
  return useAnswer<{ readonly segments: readonly SegmentView[] }, readonly SegmentView[]>({
    key,
    path: path`v1/apps/${app}/segments`,
    select: ({ segments }) => segments,
  })
}

/** With its ETag, for the change that goes out from it. */
export function useSegment(app: string, id: string): UseQueryResult<Reading<SegmentView>> {
  const api = useApi()
  const key = [app, 'segments', id]
  useEndsOf('segment', key)
  const isSeen = useWork('segment', id) !== undefined
  return useQuery({
    queryKey: key,
    queryFn: ({ signal }) => api.read<SegmentView>(segmentPath(app, id), { signal }),
    refetchInterval: ({ state }) => (state.data?.data.nightly?.running && !isSeen ? ASK_AGAIN_MS : false),
  })
}

export function segmentPath(app: string, id: string): string {
  return path`v1/apps/${app}/segments/${id}`
}

export function useUses(app: string): UseQueryResult<readonly SegmentUse[]> {
  return useAnswer<{ readonly uses: readonly SegmentUse[] }, readonly SegmentUse[]>({
    key: [app, 'segments', 'uses'],
    path: path`v1/apps/${app}/segments/uses`,
    select: ({ uses }) => uses,
  })
}

export function useCreateSegment(app: string): UseMutationResult<{ readonly id: string }, Error, NewSegment> {
  return useChange({
    call: (api, input) => api.post(path`v1/apps/${app}/segments`, input),
    touches: [[app, 'segments']],
  })
}

export interface SegmentChange {
  readonly patch: SegmentPatch
  readonly ifMatch: string | undefined
}

/** Refused with 412 `changed_meanwhile` when somebody else has changed it. */
export function useChangeSegment(
  app: string,
  id: string,
): UseMutationResult<SegmentView, Error, SegmentChange> {
  return useChange({
    call: (api, { patch, ifMatch }) => api.patch(segmentPath(app, id), patch, { ifMatch }),
    // its own page reads it anew when it opens; the form that is open keeps what it went out from
    touches: [[app, 'segments']],
  })
}

export function useDeleteSegment(app: string, id: string): UseMutationResult<unknown, Error, void> {
  return useChange({
    call: api => api.delete(segmentPath(app, id)),
    touches: [],
  })
}

export function useCompute(app: string, id: string): UseMutationResult<unknown, Error, void> {
  return useChange({
    call: api => api.post(`${segmentPath(app, id)}/compute`),
    touches: [[app, 'segments']],
  })
}

/** Who changed it last; undefined for whoever may not read the log, and for what is not in it. */
export async function readLastChange(
  api: ReturnType<typeof useApi>,
  app: string,
  id: string,
): Promise<AuditEntry | undefined> {
  try {
    const { entries } = await api.get<{ readonly entries: readonly AuditEntry[] }>(
      path`v1/apps/${app}/audit` + query({ what: '/segments', limit: 50 }),
    )
    return entries.find(({ subject, what }) => subject?.includes(id) && what.startsWith('PATCH'))
  } catch {
    return undefined
  }
}

// ── sizes ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

export type Asked = { readonly condition: Condition } | { readonly expression: string }

/** Both forms and the size of what is being written; while a new one is counted the last one stays in sight. */
export function usePreview(
  app: string,
  asked: Asked | undefined,
): UseQueryResult<CompiledSegment> & { readonly isBehind: boolean } {
  const api = useApi()
  const text = asked && JSON.stringify(asked)
  const [settled] = useDebouncedValue(text, PREVIEW_AFTER_MS)
  const found = useQuery<CompiledSegment>({
    queryKey: [app, 'segment-preview', settled],
    enabled: settled !== undefined,
    retry: false,
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: ASK_AGAIN_MS,
    placeholderData: previous => previous,
    queryFn: ({ signal }) =>
      api.post<CompiledSegment>(
        path`v1/apps/${app}/segments/compile`,
        { ...(JSON.parse(settled ?? '') as SegmentPreview), reach: true },
        { signal },
      ),
  })
  return { ...found, isBehind: text !== settled || found.isPlaceholderData || found.isFetching }
}

export function useExactPreview(app: string): UseMutationResult<CompiledSegment, Error, Asked> {
  return useChange({
    call: (api, asked) =>
      api.post(
        path`v1/apps/${app}/segments/compile`,
        { ...asked, exact: true, reach: true },
        { timeoutMs: COUNT_TIMEOUT_MS },
      ),
    touches: [],
  })
}

/** Another one has another size, and other members: as it was edited or computed last. */
export function versionOf({ nightly, updatedAt }: SegmentView): string {
  return nightly?.snapshot?.computedAt ?? updatedAt
}

export function useSize(app: string, segment: SegmentView): UseQueryResult<SegmentSize> {
  const { id } = segment
  return useAnswer({
    key: [app, 'segments', id, 'size', versionOf(segment)],
    path: `${segmentPath(app, id)}/size${query({ reach: true })}`,
    staleTime: 60_000,
  })
}

export function useExactSize(app: string, id: string): UseMutationResult<SegmentSize, Error, void> {
  return useChange({
    call: api =>
      api.get(`${segmentPath(app, id)}/size${query({ exact: true, reach: true })}`, {
        timeoutMs: COUNT_TIMEOUT_MS,
      }),
    touches: [],
  })
}

export function useMembers(
  app: string,
  segment: SegmentView,
): UseInfiniteQueryResult<readonly SegmentMembers[]> {
  const api = useApi()
  const { id } = segment
  return useInfiniteQuery({
    queryKey: [app, 'segments', id, 'members', versionOf(segment)],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam, signal }) =>
      api.get<SegmentMembers>(
        `${segmentPath(app, id)}/members${query({ limit: MEMBERS_SHOWN, after: pageParam })}`,
        {
          signal,
        },
      ),
    getNextPageParam: last => last.next ?? undefined,
    select: ({ pages }) => pages,
  })
}

// ── exports ───────────────────────────────────────────────────────────────────────────────────────────────────────────

export function useExport(app: string, id: string | undefined): UseQueryResult<SegmentExportView> {
  const key = [app, 'segment-exports', id]
  useEndsOf('export', key)
  const isSeen = useWork('export', id) !== undefined
  return useAnswer({
    key,
    path: path`v1/apps/${app}/segment-exports/${id ?? ''}`,
    enabled: id !== undefined,
    refetchInterval: ({ state }) =>
      isUnderWay(state.data as SegmentExportView) && !isSeen ? ASK_AGAIN_MS : false,
  })
}

export function isUnderWay(found: SegmentExportView | undefined): boolean {
  return found?.state === 'waiting' || found?.state === 'running'
}

// ── suggestions ───────────────────────────────────────────────────────────────────────────────────────────────────────

export function useNames(app: string): UseQueryResult<SuggestedNames> {
  return useAnswer({
    key: [app, 'suggestions'],
    path: path`v1/apps/${app}/suggestions`,
    staleTime: SUGGESTED_FOR_MS,
  })
}

const NONE: readonly string[] = []

/** As text, the most frequent first; none while `of` is undefined. */
export function useValues(
  app: string,
  of: { readonly tag?: string | undefined; readonly field?: string | undefined } | undefined,
  typed: string,
): readonly string[] {
  const [startsWith] = useDebouncedValue(typed, SUGGEST_AFTER_MS)
  const { data } = useAnswer<SuggestedValues, readonly string[]>({
    key: [app, 'suggestions', of?.tag, of?.field, startsWith],
    path: path`v1/apps/${app}/suggestions/values` + query({ tag: of?.tag, field: of?.field, startsWith }),
    enabled: of !== undefined,
    staleTime: SUGGESTED_FOR_MS,
    select: ({ values }) => values.map(({ value }) => String(value)),
    placeholderData: previous => previous,
  })
  return data ?? NONE
}

export function useLists(app: string): UseQueryResult<readonly ListView[]> {
  return useAnswer<{ readonly lists: readonly ListView[] }, readonly ListView[]>({
    key: [app, 'lists'],
    path: path`v1/apps/${app}/lists`,
    select: ({ lists }) => lists,
  })
}

export interface MessageName {
  readonly id: string
  readonly title: string | null
  readonly createdAt: string
}

/** The newest ones, by which a condition can ask. */
export function useMessageNames(app: string): UseQueryResult<readonly MessageName[]> {
  return useAnswer<{ readonly messages: readonly MessageName[] }, readonly MessageName[]>({
    key: [app, 'message-names'],
    path: path`v1/apps/${app}/messages` + query({ limit: 50 }),
    staleTime: SUGGESTED_FOR_MS,
    select: ({ messages }) => messages,
  })
}

// ── what is under way ─────────────────────────────────────────────────────────────────────────────────────────────────

export function useWork(work: LiveWork['work'], id: string | undefined): LiveWork | undefined {
  return useLive()?.works.find(each => each.work === work && each.id === id)
}

/** Asks anew for what `key` is about whenever work of this kind has begun or ended. */
function useEndsOf(work: LiveWork['work'], key: readonly unknown[]): void {
  const ids = useLive()
    ?.works.filter(each => each.work === work)
    .map(({ id }) => id)
    .join(' ')
  useRefreshOn(ids, key, { exact: true })
}
