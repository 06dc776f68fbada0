/**
 * The statistics as the server has counted them. They change when its job has run, and not with each device that comes, so
 * their keys do not begin with what the stream of live values touches: `useCountedAnew` refreshes them after each run.
 */
import type {
  BaseStatistics,
  Coverage,
  DeliveryStatistics,
  FailureStatistics,
  LatencyStatistics,
  MessageStatistics,
  RemovalStatistics,
} from '@roost/protocol'
import { keepPreviousData, type UseQueryResult, useQueryClient } from '@tanstack/react-query'
import { useEffect, useRef } from 'react'
import { path, query } from '../api/client.ts'
import { useAnswer } from '../api/use-api.ts'
import { useLive } from '../live/live.tsx'
import type { Days } from './days.ts'

type Asked = Days & { readonly by?: 'hour' | 'day'; readonly split?: 'gateway' }

function useStatistics<T>(app: string, name: string, asked?: Asked, enabled = true): UseQueryResult<T> {
  return useAnswer<T>({
    key: [app, 'statistics', name, asked ?? null],
    path: path`v1/apps/${app}/stats/` + name + query({ ...asked }),
    enabled,
    staleTime: 30_000,
    // a chart of another range stays until the next one is there; of another app it must not
    placeholderData: (previous, before) =>
      before?.queryKey[0] === app ? keepPreviousData(previous) : undefined,
  })
}

export function useBase(app: string, asked: Asked): UseQueryResult<BaseStatistics> {
  return useStatistics(app, 'base', { by: 'day', ...asked })
}

/** By gateways; asked for when somebody wants to see it. */
export function useSplitBase(app: string, days: Days, enabled: boolean): UseQueryResult<BaseStatistics> {
  return useStatistics(app, 'base', { from: days.from, to: days.to, by: 'day', split: 'gateway' }, enabled)
}

export function useDeliveries(app: string, asked: Asked): UseQueryResult<DeliveryStatistics> {
  return useStatistics(app, 'deliveries', { by: 'day', ...asked })
}

export function useLatency(app: string, days: Days): UseQueryResult<LatencyStatistics> {
  return useStatistics(app, 'latency', days)
}

const COVERAGE_FRESH_MS = 10 * 60_000

/** Of campaigns that are a day old, looked up device by device: the job that counts makes it no other, so it isn't asked for after each run. */
export function useCoverage(app: string): UseQueryResult<Coverage> {
  return useAnswer({
    key: [app, 'coverage'],
    path: path`v1/apps/${app}/stats/coverage`,
    staleTime: COVERAGE_FRESH_MS,
  })
}

export function useFailures(app: string, days: Days): UseQueryResult<FailureStatistics> {
  return useStatistics(app, 'failures', days)
}

export function useRemovalReasons(app: string, days: Days): UseQueryResult<RemovalStatistics> {
  return useStatistics(app, 'removals', days)
}

/** Campaigns that were made on these days. */
export function useCampaigns(app: string, days: Days): UseQueryResult<MessageStatistics> {
  return useStatistics(app, 'messages', days)
}

/** Asks anew for what is shown of the statistics when the server has counted again. */
export function useCountedAnew(app: string): void {
  const client = useQueryClient()
  const finishedAt = useLive()?.jobs.find(({ name }) => name === 'statistics')?.finishedAt ?? undefined
  const known = useRef<string>(undefined)
  useEffect(() => {
    if (finishedAt === undefined) return
    if (known.current !== undefined && known.current !== finishedAt)
      void client.invalidateQueries({ queryKey: [app, 'statistics'] })
    known.current = finishedAt
  }, [app, client, finishedAt])
}
