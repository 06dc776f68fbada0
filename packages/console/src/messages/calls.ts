/** What the pages of messages ask the server for. What the stream tells of them is laid over it: see follow.ts. */
import type {
  Coverage,
  DeliveryNumbers,
  ListedMessage,
  MessageGroups,
  MessageView,
  ReachDevices,
  ReachStep,
  ReachView,
} from '@roost/protocol'
import { keepPreviousData, type UseMutationResult, type UseQueryResult } from '@tanstack/react-query'
import { path, query } from '../api/client.ts'
import { useAnswer, useChange } from '../api/use-api.ts'
import { type Pages, usePages } from '../api/use-pages.ts'
import type { LatencyStage } from './latency.ts'

const LATEST_SHOWN = 20
const PAGE = 50
const LOST_PAGE = 100

export interface MessageSearch {
  readonly text?: string | undefined
  readonly state?: string | undefined
  /** ISO 8601. */
  readonly from?: string | undefined
  readonly to?: string | undefined
  readonly campaign?: string | undefined
}

interface MessagePage {
  readonly messages: readonly ListedMessage[]
  readonly next: string | null
}

/** The newest, newest first. */
export function useMessages(app: string): UseQueryResult<readonly ListedMessage[]> {
  return useAnswer<MessagePage, readonly ListedMessage[]>({
    key: [app, 'messageList', 'latest'],
    path: path`v1/apps/${app}/messages` + query({ limit: LATEST_SHOWN }),
    select: ({ messages }) => messages,
  })
}

export function useMessagePages(app: string, search: MessageSearch): Pages<ListedMessage> {
  return usePages<MessagePage, ListedMessage>({
    key: [app, 'messageList', 'pages', search],
    pathAfter: after => path`v1/apps/${app}/messages` + query({ limit: PAGE, after, ...search }),
    rowsOf: ({ messages }) => messages,
  })
}

/** All that belongs to one message is below this key. */
export function keyOfMessage(app: string, id: string): readonly string[] {
  return [app, 'message', id]
}

export function useMessage(app: string, id: string): UseQueryResult<MessageView> {
  return useAnswer<MessageView>({
    key: [...keyOfMessage(app, id), 'itself'],
    path: path`v1/apps/${app}/messages/${id}`,
  })
}

/** In the reader's language. */
export function useReach(app: string, id: string, lang: string): UseQueryResult<ReachView> {
  return useAnswer<ReachView>({
    key: [...keyOfMessage(app, id), 'reach', lang],
    path: path`v1/apps/${app}/messages/${id}/reach`,
    placeholderData: keepPreviousData,
  })
}

export type LostDevice = ReachDevices['devices'][number]

export interface LostSearch {
  readonly id: string
  readonly step: ReachStep
  readonly reason?: string | undefined
}

/** Who was lost before a step. */
export function useLost(app: string, { id, step, reason }: LostSearch): Pages<LostDevice> {
  return usePages<ReachDevices, LostDevice>({
    key: [...keyOfMessage(app, id), 'lost', step, reason],
    pathAfter: after =>
      path`v1/apps/${app}/messages/${id}/reach/${step}/devices` + query({ limit: LOST_PAGE, reason, after }),
    rowsOf: ({ devices }) => devices,
  })
}

/** `asOf`: when it was counted, by another reading: with another one it is asked for anew. */
export function useLatencies(
  app: string,
  id: string,
  span: Span,
  asOf: string | null,
): UseQueryResult<readonly LatencyStage[]> {
  return useAnswer<{ readonly stages: readonly LatencyStage[] }, readonly LatencyStage[]>({
    key: [...keyOfMessage(app, id), 'latency', span, asOf],
    path: path`v1/apps/${app}/stats/latency` + query({ message: id, ...span }),
    select: ({ stages }) => stages,
    placeholderData: keepPreviousData,
  })
}

/** Days in the app's time zone, both inclusive. */
export interface Span {
  readonly from: string
  readonly to: string
}

export type DeliveryRow = DeliveryNumbers & { readonly at: string; readonly gateway: string | null }

export interface Deliveries {
  readonly rows: readonly DeliveryRow[]
  readonly totals: DeliveryNumbers
  readonly asOf: string | null
}

/** `againMs`: after how long what was read is asked for anew; false: not by itself. */
export function useDeliveries(
  app: string,
  id: string,
  asked: Span & { readonly by: 'hour' | 'day' },
  againMs: (found: Deliveries) => number | false,
): UseQueryResult<Deliveries> {
  return useAnswer<Deliveries>({
    key: [...keyOfMessage(app, id), 'deliveries', asked],
    path: path`v1/apps/${app}/stats/deliveries` + query({ message: id, ...asked }),
    refetchInterval: ({ state }) => (state.data ? againMs(state.data) : false),
  })
}

/** As `useDeliveries`, all at once, and by who was asked to deliver; `asOf` as of `useLatencies`. */
export function useGateways(
  app: string,
  id: string,
  span: Span,
  asOf: string | null,
): UseQueryResult<Deliveries> {
  return useAnswer<Deliveries>({
    key: [...keyOfMessage(app, id), 'gateways', span, asOf],
    path:
      path`v1/apps/${app}/stats/deliveries` + query({ message: id, ...span, by: 'total', split: 'gateway' }),
    placeholderData: keepPreviousData,
  })
}

export function useCoverage(app: string): UseQueryResult<Coverage> {
  return useAnswer<Coverage>({ key: [app, 'coverage'], path: path`v1/apps/${app}/stats/coverage` })
}

export function useGroups(app: string, id: string): UseQueryResult<MessageGroups> {
  return useAnswer<MessageGroups>({
    key: [...keyOfMessage(app, id), 'groups'],
    path: path`v1/apps/${app}/stats/groups` + query({ message: id }),
  })
}

export type ControlVerb = 'pause' | 'resume' | 'cancel' | 'recall'

export interface Control {
  readonly verb: ControlVerb
  /** Of a recall that puts other words in place of what was shown. */
  readonly content?: { readonly title?: string; readonly body?: string }
}

export function useControl(app: string, id: string): UseMutationResult<MessageView, Error, Control> {
  return useChange<Control, MessageView>({
    call: (api, { verb, content }) =>
      api.post(path`v1/apps/${app}/messages/${id}/${verb}`, verb === 'recall' ? { content } : undefined),
    touches: [keyOfMessage(app, id), [app, 'messageList']],
  })
}

export function useChooseWinner(app: string, id: string): UseMutationResult<MessageView, Error, string> {
  return useChange<string, MessageView>({
    call: (api, variant) => api.post(path`v1/apps/${app}/messages/${id}/winner`, { variant }),
    touches: [keyOfMessage(app, id), [app, 'messageList']],
  })
}
