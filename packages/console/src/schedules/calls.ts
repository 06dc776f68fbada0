/** What the pages of schedules and triggers ask the server for. */
import type { ListedMessage, ScheduleView, TriggerView } from '@roost/protocol'
import type { UseMutationResult, UseQueryResult } from '@tanstack/react-query'
import { path, query } from '../api/client.ts'
import { useAnswer, useChange } from '../api/use-api.ts'
import { type Pages, usePages } from '../api/use-pages.ts'

const PAGE = 20

export function useSchedules(app: string): UseQueryResult<readonly ScheduleView[]> {
  return useAnswer<{ readonly schedules: readonly ScheduleView[] }, readonly ScheduleView[]>({
    key: [app, 'schedules'],
    path: path`v1/apps/${app}/schedules`,
    select: ({ schedules }) => schedules,
  })
}

export function useSchedule(app: string, id: string): UseQueryResult<ScheduleView> {
  return useAnswer<ScheduleView>({
    key: [app, 'schedules', id],
    path: path`v1/apps/${app}/schedules/${id}`,
  })
}

interface MessagePage {
  readonly messages: readonly ListedMessage[]
  readonly next: string | null
}

export function useMadeMessages(app: string, id: string): Pages<ListedMessage> {
  return usePages<MessagePage, ListedMessage>({
    key: [app, 'messageList', 'of', id],
    pathAfter: after => path`v1/apps/${app}/schedules/${id}/messages` + query({ limit: PAGE, after }),
    rowsOf: ({ messages }) => messages,
  })
}

export function useTriggers(app: string): UseQueryResult<readonly TriggerView[]> {
  return useAnswer<{ readonly triggers: readonly TriggerView[] }, readonly TriggerView[]>({
    key: [app, 'triggers'],
    path: path`v1/apps/${app}/triggers`,
    select: ({ triggers }) => triggers,
  })
}

export function useTrigger(app: string, id: string): UseQueryResult<TriggerView> {
  return useAnswer<TriggerView>({ key: [app, 'triggers', id], path: path`v1/apps/${app}/triggers/${id}` })
}

export type Recurring = 'schedules' | 'triggers'
export type RecurringVerb = 'pause' | 'resume' | 'end'

export function useRecurringControl(
  app: string,
  { kind, id }: { readonly kind: Recurring; readonly id: string },
): UseMutationResult<unknown, Error, RecurringVerb> {
  const itself = path`v1/apps/${app}/${kind}/${id}`
  return useChange<RecurringVerb>({
    call: (api, verb) => (verb === 'end' ? api.delete(itself) : api.post(`${itself}/${verb}`)),
    touches: [[app, kind]],
  })
}
