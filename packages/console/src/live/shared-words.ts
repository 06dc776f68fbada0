/** What a tab and the worker that holds the streams say to each other. */
import type { ServerEvent } from './events.ts'

export type ToWorker =
  | {
      readonly kind: 'join'
      readonly baseUrl: string
      readonly app: string
      /** Undefined: by the session of the browser. */
      readonly token: string | undefined
      /** Of the session: what another person is told may differ. */
      readonly person: number | undefined
    }
  | { readonly kind: 'leave' }

export type FromWorker =
  | { readonly kind: 'event'; readonly event: ServerEvent }
  | { readonly kind: 'broken'; readonly isUnreachable: boolean }
