import type { UseMutationResult } from '@tanstack/react-query'
import { path } from '../api/client.ts'
import type { PushTestResult } from '../api/shapes.ts'
import { useChange } from '../api/use-api.ts'

/** It waits for a gateway, which may first want a sign-in. */
const TIMEOUT_MS = 60_000

export function usePushTest(app: string): UseMutationResult<PushTestResult, Error, object> {
  return useChange<object, PushTestResult>({
    call: (api, input) => api.post(path`v1/apps/${app}/push-test`, input, { timeoutMs: TIMEOUT_MS }),
    touches: [],
  })
}
