/** What the guide asks the server for. */
import type { Guide, LivePicture } from '@roost/protocol'
import type { UseQueryResult } from '@tanstack/react-query'
import { path } from '../api/client.ts'
import { useAnswer } from '../api/use-api.ts'
import { useLive } from '../live/live.tsx'
import { useRefreshOn } from '../live/use-refresh.ts'

/** What no event tells: somebody else has made a device a test device. */
const LOOK_EVERY_MS = 20_000

/** Asked for anew when something has happened that may have made a step green. */
export function useGuide(app: string): UseQueryResult<Guide> {
  const live = useLive()
  useRefreshOn(live && signOf(live), [app, 'guide'])
  return useAnswer({ key: [app, 'guide'], path: path`v1/apps/${app}/guide`, refetchInterval: LOOK_EVERY_MS })
}

/** Devices, credentials, messages, and what the statistics have counted. */
function signOf({ devices, credentials, jobs, messages }: LivePicture): string {
  const counted = jobs.find(({ name }) => name === 'statistics')
  return JSON.stringify([
    devices?.devices,
    devices?.reachable,
    credentials.map(({ id, status, version, problems }) => [id, status, version, problems]),
    counted?.finishedAt,
    messages[0]?.counts,
  ])
}
