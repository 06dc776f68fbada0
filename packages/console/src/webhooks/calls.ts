/** What the page of webhooks asks the server for, and changes there. */
import type { Redelivery, WebhookChange, WebhookDelivery, WebhookView } from '@roost/protocol'
import type { UseMutationResult, UseQueryResult } from '@tanstack/react-query'
import { type Api, path, type Reading } from '../api/client.ts'
import { useAnswer, useChange, useReading } from '../api/use-api.ts'

export interface MadeWebhook extends WebhookView {
  /** Shown this once. */
  readonly secret: string
}

export function useWebhooks(app: string): UseQueryResult<readonly WebhookView[]> {
  return useAnswer<{ readonly webhooks: readonly WebhookView[] }, readonly WebhookView[]>({
    key: [app, 'webhooks'],
    path: path`v1/apps/${app}/webhooks`,
    select: ({ webhooks }) => webhooks,
  })
}

export interface WebhookInput {
  readonly url: string
  readonly events: readonly string[]
}

export function useAddWebhook(app: string): UseMutationResult<MadeWebhook, Error, WebhookInput> {
  return useChange<WebhookInput, MadeWebhook>({
    call: (api, input) => api.post(path`v1/apps/${app}/webhooks`, input),
    touches: [[app, 'webhooks']],
  })
}

/** A call on one webhook; what is shown of it is asked for anew when it has ended. */
function useWebhookCall<Input, Output>(
  app: string,
  call: (api: Api, input: Input) => Promise<Output>,
): UseMutationResult<Output, Error, Input> {
  return useChange({ call, touches: [[app, 'webhooks']] })
}

/** With the ETag that a change goes out from. */
export function useWebhookReading(app: string, id: string): UseQueryResult<Reading<WebhookView>> {
  const at = path`v1/apps/${app}/webhooks/${id}`
  return useReading({ key: [app, 'webhooks', id, 'reading'], path: at, isFresh: true })
}

export interface WebhookEdit {
  readonly wanted: WebhookChange
  /** It is made only if nobody has changed what this was read with. */
  readonly ifMatch?: string | undefined
}

export function useChangeWebhook(
  app: string,
  id: string,
): UseMutationResult<WebhookView, Error, WebhookEdit> {
  return useWebhookCall<WebhookEdit, WebhookView>(app, (api, { wanted, ifMatch }) =>
    api.patch(path`v1/apps/${app}/webhooks/${id}`, wanted, { ifMatch }),
  )
}

export function useDeleteWebhook(app: string, id: string): UseMutationResult<unknown, Error, void> {
  return useWebhookCall(app, api => api.delete(path`v1/apps/${app}/webhooks/${id}`))
}

export function useTestWebhook(app: string, id: string): UseMutationResult<unknown, Error, void> {
  return useWebhookCall(app, api => api.post(path`v1/apps/${app}/webhooks/${id}/test`))
}

export function useNewSecret(app: string, id: string): UseMutationResult<MadeWebhook, Error, number> {
  return useWebhookCall<number, MadeWebhook>(app, (api, formerHours) =>
    api.post(path`v1/apps/${app}/webhooks/${id}/secret`, { formerHours }),
  )
}

export function useRedeliver(
  app: string,
  id: string,
): UseMutationResult<{ readonly count: number }, Error, Redelivery> {
  return useWebhookCall<Redelivery, { readonly count: number }>(app, (api, which) =>
    api.post(path`v1/apps/${app}/webhooks/${id}/redeliver`, which),
  )
}

export function useDeliveries(app: string, id: string): UseQueryResult<readonly WebhookDelivery[]> {
  return useAnswer<{ readonly deliveries: readonly WebhookDelivery[] }, readonly WebhookDelivery[]>({
    key: [app, 'webhooks', id, 'deliveries'],
    path: path`v1/apps/${app}/webhooks/${id}/deliveries`,
    select: ({ deliveries }) => deliveries,
  })
}
