/**
 * The way from a stand-in to the phone that holds the token: what was accepted is handed over in the process.
 */
import { Journal } from '../journal.ts'
import type { GatewayName } from './tally.ts'

export interface AcceptedPush {
  readonly gateway: GatewayName
  /** The device token, registration token or endpoint. */
  readonly token: string
  /** The parsed JSON as the app would see it; undefined for an empty body or one that only a browser can decrypt. */
  readonly payload: Readonly<Record<string, unknown>> | undefined
  /** Field `p` of the payload. */
  readonly hash: string | undefined
  /** apns-id, or the id that the gateway gave the message. */
  readonly messageId: string
  /** apns-collapse-id, FCM's collapse_key or the Web Push topic. */
  readonly collapseKey: string | undefined
  readonly ttlSeconds: number | undefined
  readonly headers: Readonly<Record<string, string>>
}

export type PushListener = (push: AcceptedPush) => void

/** Filters that are absent match everything. */
export interface PushFilter {
  readonly token?: string
  readonly hash?: string
}

export class Air {
  readonly #listeners = new Map<string, PushListener>()
  readonly #journal = new Journal<AcceptedPush>()

  /** One listener for a token; a second one takes its place, as a token is in one phone only. */
  listen(token: string, listener: PushListener): void {
    this.#listeners.set(token, listener)
  }

  leave(token: string): void {
    this.#listeners.delete(token)
  }

  carry(push: AcceptedPush): void {
    this.#journal.record(push)
    this.#listeners.get(push.token)?.(push)
  }

  /** Of the last ten thousand. */
  pushes(filter: PushFilter = {}): AcceptedPush[] {
    return this.#journal.entries(push => matches(push, filter))
  }

  waitForPush(filter: PushFilter = {}): Promise<AcceptedPush> {
    return this.#journal.waitFor(push => matches(push, filter))
  }

  close(): void {
    this.#journal.close()
  }
}

/** The message hash of a payload: field `p` at the root or, for web clients, under `data`. */
export function hashOf(payload: Readonly<Record<string, unknown>> | undefined): string | undefined {
  const nested = payload?.data
  const hash = payload?.p ?? (isRecord(nested) ? nested.p : undefined)
  return typeof hash === 'string' ? hash : undefined
}

/** The JSON object in a body, or undefined when it holds anything else. */
export function parseObject(body: Buffer | string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(body.toString())
    return isRecord(value) ? value : undefined
  } catch {
    return undefined
  }
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function matches(push: AcceptedPush, filter: PushFilter): boolean {
  return (
    (filter.token === undefined || push.token === filter.token) &&
    (filter.hash === undefined || push.hash === filter.hash)
  )
}
