/** What the pages of diagnosis ask the server for: always anew, since the answer is about this moment. */
import type { DiagnosisView } from '@roost/protocol'
import { keepPreviousData, type UseQueryResult, useQuery } from '@tanstack/react-query'
import { path } from '../api/client.ts'
import { useApi } from '../api/use-api.ts'
import type { Subject } from './subject.ts'

export interface Asked {
  readonly subject: Subject
  /** Id; undefined: could it receive one now? */
  readonly message: string | undefined
  readonly lang: string
}

export function useDiagnosis(app: string, asked: Asked | undefined): UseQueryResult<DiagnosisView> {
  const api = useApi()
  return useQuery({
    queryKey: [app, 'diagnosis', asked],
    queryFn: ({ signal }) =>
      api.post<DiagnosisView>(
        path`v1/apps/${app}/diagnose`,
        {
          [asked?.subject.kind ?? 'device']: asked?.subject.name,
          ...(asked?.message && { message: asked.message }),
          lang: asked?.lang,
        },
        { signal },
      ),
    enabled: asked !== undefined,
    placeholderData: keepPreviousData,
    // a token must not stay in memory when its page is left
    gcTime: 0,
  })
}
