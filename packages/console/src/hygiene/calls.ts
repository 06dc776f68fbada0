/** What the pages of hygiene ask the server for, and change there. */
import type {
  AddressPolicy,
  AddressPolicyChange,
  AlertView,
  JobListView,
  JobRunView,
  KnockDay,
  KnockPreview,
  PolicyPreview,
  Removal,
  UndoPreview,
  UndoView,
  UninstallTracking,
} from '@roost/protocol'
import {
  type UseInfiniteQueryResult,
  type UseMutationResult,
  type UseQueryResult,
  useInfiniteQuery,
  useQuery,
} from '@tanstack/react-query'
import { path, query, type Reading } from '../api/client.ts'
import { useAnswer, useApi, useChange, useReading } from '../api/use-api.ts'
import type { UndoWish } from './undo-wish.ts'

/** A policy of ten million addresses is tried part by part. */
const PREVIEW_TIMEOUT_MS = 120_000

const KNOCK_DAYS = 14

// ── alerts ────────────────────────────────────────────────────────────────────────────────────────────────────────────

export function useAlerts(app: string): UseQueryResult<readonly AlertView[]> {
  return useAnswer<{ readonly alerts: readonly AlertView[] }, readonly AlertView[]>({
    key: [app, 'alerts'],
    path: path`v1/apps/${app}/alerts`,
    select: ({ alerts }) => alerts,
  })
}

/** What people decide of an alert. */
export type Decision = 'release' | 'forget' | 'close'

export function useDecide(app: string, id: string): UseMutationResult<unknown, Error, Decision> {
  return useChange({
    call: (api, decision: Decision) => api.post(path`v1/apps/${app}/alerts/${id}/${decision}`),
    touches: [[app, 'alerts']],
  })
}

// ── ages ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** With the ETag that a change goes out from. */
export function usePolicyReading(app: string): UseQueryResult<Reading<AddressPolicy>> {
  return useReading({ key: [app, 'address-policy', 'reading'], path: path`v1/apps/${app}/address-policy` })
}

/** It is made only if nobody has changed what `ifMatch` was read with. */
export interface Edit<Wanted> {
  readonly wanted: Wanted
  readonly ifMatch: string | undefined
}

export function useChangePolicy(
  app: string,
): UseMutationResult<AddressPolicy, Error, Edit<AddressPolicyChange>> {
  return useChange<Edit<AddressPolicyChange>, AddressPolicy>({
    call: (api, { wanted, ifMatch }) => api.patch(path`v1/apps/${app}/address-policy`, wanted, { ifMatch }),
    touches: [[app, 'address-policy']],
  })
}

/** Changes nothing. */
export function useTryPolicy(app: string): UseMutationResult<PolicyPreview, Error, AddressPolicyChange> {
  return useChange<AddressPolicyChange, PolicyPreview>({
    call: (api, change) =>
      api.post(path`v1/apps/${app}/address-policy/preview`, change, { timeoutMs: PREVIEW_TIMEOUT_MS }),
    touches: [],
  })
}

/** What the rules as they are stored would take with the next run. */
export function useStoredPolicyPreview(app: string): UseQueryResult<PolicyPreview> {
  const api = useApi()
  return useQuery({
    queryKey: [app, 'address-policy', 'preview'],
    queryFn: async ({ signal }) => {
      const { removeInactive } = await api.get<AddressPolicy>(path`v1/apps/${app}/address-policy`, { signal })
      return api.post<PolicyPreview>(
        path`v1/apps/${app}/address-policy/preview`,
        { removeInactive },
        { signal, timeoutMs: PREVIEW_TIMEOUT_MS },
      )
    },
    gcTime: 0,
  })
}

// ── uninstallations ───────────────────────────────────────────────────────────────────────────────────────────────────

export function useTracking(app: string): UseQueryResult<UninstallTracking> {
  return useAnswer({ key: [app, 'uninstalls'], path: path`v1/apps/${app}/uninstall-tracking` })
}

/** With the ETag that a change goes out from. */
export function useTrackingReading(app: string): UseQueryResult<Reading<UninstallTracking>> {
  return useReading({ key: [app, 'uninstalls', 'reading'], path: path`v1/apps/${app}/uninstall-tracking` })
}

export function useChangeTracking(
  app: string,
): UseMutationResult<UninstallTracking, Error, Edit<UninstallTracking>> {
  return useChange<Edit<UninstallTracking>, UninstallTracking>({
    call: (api, { wanted, ifMatch }) => api.put(path`v1/apps/${app}/uninstall-tracking`, wanted, { ifMatch }),
    touches: [[app, 'uninstalls']],
  })
}

export interface TriedTracking {
  readonly mode: UninstallTracking['mode']
  readonly quietDays: number
  readonly isValid: boolean
}

export function useKnockPreview(
  app: string,
  { mode, quietDays, isValid }: TriedTracking,
): UseQueryResult<KnockPreview> {
  return useAnswer({
    key: [app, 'uninstalls', 'preview', mode, quietDays],
    path: path`v1/apps/${app}/uninstall-tracking/preview` + query({ mode, quietDays }),
    enabled: isValid,
    placeholderData: previous => previous,
  })
}

export function useKnockDays(app: string): UseQueryResult<readonly KnockDay[]> {
  return useAnswer<{ readonly days: readonly KnockDay[] }, readonly KnockDay[]>({
    key: [app, 'uninstalls', 'days'],
    path: path`v1/apps/${app}/uninstall-tracking/days` + query({ limit: KNOCK_DAYS }),
    select: ({ days }) => days,
  })
}

// ── removals ──────────────────────────────────────────────────────────────────────────────────────────────────────────

export interface RemovalFilter {
  /** ISO 8601 */
  readonly from: string
  readonly to: string
  readonly event: string
  readonly reason: string
}

interface RemovalPage {
  readonly removals: readonly Removal[]
  readonly next: string
  readonly hasMore: boolean
}

const REMOVALS_AT_ONCE = 100

/** The newest first. */
export function useRemovals(
  app: string,
  filter: RemovalFilter,
): UseInfiniteQueryResult<readonly Removal[], Error> {
  const api = useApi()
  return useInfiniteQuery({
    queryKey: [app, 'removals', 'feed', filter],
    queryFn: ({ pageParam, signal }) =>
      api.get<RemovalPage>(
        path`v1/apps/${app}/removals` +
          query({ ...filter, order: 'newest', after: pageParam, limit: REMOVALS_AT_ONCE }),
        { signal },
      ),
    initialPageParam: '',
    getNextPageParam: ({ next, hasMore }) => (hasMore ? next : undefined),
    select: ({ pages }): readonly Removal[] => pages.flatMap(({ removals }) => removals),
  })
}

export interface RemovalCount {
  /** Of the app's time zone, "2026-11-03". */
  readonly day: string
  readonly provider: string
  readonly event: string
  readonly reason: string | null
  readonly count: number
}

export interface RemovalCounts {
  /** Of the app: its days are counted. */
  readonly timeZone: string
  readonly counts: readonly RemovalCount[]
}

export function useRemovalCounts(
  app: string,
  { from, to }: Pick<RemovalFilter, 'from' | 'to'>,
): UseQueryResult<RemovalCounts> {
  return useAnswer<RemovalCounts>({
    key: [app, 'removals', 'counts', from, to],
    path: path`v1/apps/${app}/removals/counts` + query({ from, to }),
  })
}

/** All of them as CSV, however many. */
export function useRemovalFile(app: string): UseMutationResult<Blob, Error, RemovalFilter> {
  return useChange<RemovalFilter, Blob>({
    call: async (api, filter) => {
      const at = path`v1/apps/${app}/removal-export` + query({ ...filter, format: 'spreadsheet' })
      return (await api.open(at)).blob()
    },
    touches: [],
  })
}

export function useTryUndo(app: string): UseMutationResult<UndoPreview, Error, UndoWish> {
  return useChange<UndoWish, UndoPreview>({
    call: (api, wish) =>
      api.post(
        path`v1/apps/${app}/removals/undo`,
        { ...wish, dryRun: true },
        { timeoutMs: PREVIEW_TIMEOUT_MS },
      ),
    touches: [],
  })
}

export function useUndo(app: string): UseMutationResult<UndoView, Error, UndoWish> {
  return useChange<UndoWish, UndoView>({
    call: (api, wish) => api.post(path`v1/apps/${app}/removals/undo`, wish),
    touches: [
      [app, 'works', 'undos'],
      [app, 'removals'],
    ],
  })
}

/** Its key is that of works under way, so it is told when one goes on. */
export function useUndos(app: string): UseQueryResult<readonly UndoView[]> {
  return useAnswer<{ readonly undos: readonly UndoView[] }, readonly UndoView[]>({
    key: [app, 'works', 'undos'],
    path: path`v1/apps/${app}/removals/undo`,
    select: ({ undos }) => undos,
  })
}

// ── jobs ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** All jobs are the installation's; of those that work app by app whoever looks after one sees what they did there. */
export interface WhoseJobs {
  readonly app: string
  readonly isAll: boolean
}

function pathOfJobs({ app, isAll }: WhoseJobs): string {
  return isAll ? 'v1/jobs' : path`v1/apps/${app}/jobs`
}

export function useJobs(whose: WhoseJobs): UseQueryResult<JobListView> {
  return useAnswer({ key: [whose.app, 'jobs'], path: pathOfJobs(whose) })
}

export function useJobRuns(whose: WhoseJobs, name: string): UseQueryResult<readonly JobRunView[]> {
  return useAnswer<{ readonly runs: readonly JobRunView[] }, readonly JobRunView[]>({
    key: [whose.app, 'jobs', name],
    path: pathOfJobs(whose) + path`/${name}/runs`,
    select: ({ runs }) => runs,
  })
}

export function useRunJob(whose: WhoseJobs): UseMutationResult<unknown, Error, string> {
  return useChange({
    call: (api, name: string) => api.post(pathOfJobs(whose) + path`/${name}/runs`),
    touches: [[whose.app, 'jobs']],
  })
}
