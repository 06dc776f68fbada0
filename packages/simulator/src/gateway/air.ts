/**
 * The way from a stand-in to the phone that holds the token: what was accepted is handed over in the process, or held
 * while the phone is offline.
 */
import { Journal } from '../journal.ts'
import { HOLD_EVERYTHING, Mailbox, type StorageRule } from './mailbox.ts'
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

export interface AirOptions {
  /** Milliseconds since the epoch, for what expires while it is held; default the system's clock. */
  readonly clock?: () => number
}

export class Air {
  readonly #clock: () => number
  readonly #listeners = new Map<string, PushListener>()
  /** Of the tokens whose phone is offline. */
  readonly #mailboxes = new Map<string, Mailbox>()
  readonly #rules = new Map<GatewayName, StorageRule>()
  readonly #journal = new Journal<AcceptedPush>()

  constructor(options: AirOptions = {}) {
    this.#clock = options.clock ?? Date.now
  }

  /** How this gateway holds pushes for phones that are offline. */
  storeBy(gateway: GatewayName, rule: StorageRule): void {
    this.#rules.set(gateway, rule)
  }

  /** Every phone is online until it is said to be offline; coming back it gets what was held, oldest first. */
  setOnline(token: string, isOnline: boolean): void {
    const mailbox = this.#mailboxes.get(token)
    if (!isOnline) {
      if (mailbox === undefined) this.#mailboxes.set(token, new Mailbox())
      return
    }
    this.#mailboxes.delete(token)
    for (const push of mailbox?.pushes(this.#clock()) ?? []) this.#listeners.get(token)?.(push)
  }

  isOnline(token: string): boolean {
    return !this.#mailboxes.has(token)
  }

  /** What waits for this phone, oldest first; what has expired is not among it. */
  held(token: string): AcceptedPush[] {
    return this.#mailboxes.get(token)?.pushes(this.#clock()) ?? []
  }

  /** One listener for a token; a second one takes its place, as a token is in one phone only. */
  listen(token: string, listener: PushListener): void {
    this.#listeners.set(token, listener)
  }

  /** The phone is gone from this token, and what was held for it. */
  leave(token: string): void {
    this.#listeners.delete(token)
    this.#mailboxes.delete(token)
  }

  carry(push: AcceptedPush): void {
    this.#journal.record(push)
    const mailbox = this.#mailboxes.get(push.token)
    if (mailbox === undefined) this.#listeners.get(push.token)?.(push)
    else mailbox.store(push, this.#rules.get(push.gateway) ?? HOLD_EVERYTHING, this.#clock())
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
