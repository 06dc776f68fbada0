/**
 * Calls on a device: rings until the call has another state or its time is over, and says what the person decided. docs/calls.md has the
 * states; the server decides who wins, so an answer may be said any number of times.
 */
import { codeOf, type Transport, type TransportRequest } from './client.ts'
import { RoostError } from './error.ts'
import type { DeviceState, Store } from './state.ts'

export type CallState =
  | 'ringing'
  | 'accepted'
  | 'rejected'
  | 'busy'
  | 'cancelled'
  | 'timed_out'
  | 'answered_elsewhere'

export interface Call {
  readonly id: string
  /** A push is for callees alone. */
  readonly role?: 'callee' | 'caller'
  /** This device's own. */
  readonly state: CallState
  /** Goes up with every change. */
  readonly version: number
  readonly media: 'audio' | 'video'
  readonly caller: { readonly name: string; readonly userId?: string; readonly image?: string }
  /** ISO 8601. */
  readonly createdAt?: string
  /** ISO 8601. */
  readonly ringUntil: string
  /** How much longer it rings; a push, which may have waited, has only `ringUntil`. */
  readonly ringMs?: number
  readonly data: Readonly<Record<string, unknown>>
  /** On devices of the caller. */
  readonly callees?: readonly { readonly userId: string; readonly state: CallState }[]
}

/** Under which all notifications of a call replace each other. */
export function callTag({ id }: Pick<Call, 'id'>): string {
  return `call-${id}`
}

/** The call that a push tells of; undefined when it is another message. */
export function callIn(data: unknown): Call | undefined {
  const { call } = (data ?? {}) as { readonly call?: Partial<Call> | null }
  const isCall =
    typeof call?.id === 'string' && typeof call.version === 'number' && typeof call.ringUntil === 'string'
  return isCall ? (call as Call) : undefined
}

/** As long as the server lets any call ring. */
const RING_MAX_MS = 120_000

/** By this device's clock where the server has not counted; one that is slow lets a call ring no longer than the call was to ring in all. */
export function leftToRing({ state, ringMs, ringUntil, createdAt }: Call, now: number): number {
  if (state !== 'ringing') return 0
  const until = Date.parse(ringUntil)
  const longest = createdAt === undefined ? RING_MAX_MS : until - Date.parse(createdAt)
  return Math.max(0, ringMs ?? Math.min(until - now, longest))
}

const CALLS_KEPT = 20

/** False of what is older than what this device knows of the call; of two that say the same both are news. */
export async function noteCall(
  store: Store,
  { id, version }: Pick<Call, 'id' | 'version'>,
): Promise<boolean> {
  const state = await store.read()
  if (state === undefined) return true
  let isNews = true
  await store.update((before = state): DeviceState => {
    const { [id]: known = 0, ...others } = before.calls ?? {}
    isNews = version >= known
    const kept = Object.entries(others).slice(1 - CALLS_KEPT)
    return { ...before, calls: { ...Object.fromEntries(kept), [id]: Math.max(known, version) } }
  })
  return isNews
}

export interface RingingOptions {
  /** With every change, and when the time is over; of that the caller's device hears from the server alone. */
  readonly onCall: (call: Call) => void
  readonly now: () => number
  /** Runs work later; gives back how to forget it. Default setTimeout. */
  readonly later?: (work: () => void, ms: number) => () => void
}

/** What rings here. */
export interface Ringing {
  /** Of a frame or a push, in any order and as often as they come. */
  take(call: Call): void
  /** The server has taken this answer of the device: no frame may ever say so, as to an app without a channel. */
  settle(id: string, answer: CallAnswer): void
  /** Somebody else uses the device: nothing rings any more, and `onCall` hears `cancelled`. */
  endAll(): void
  stop(): void
}

interface Known {
  readonly version: number
  /** Undefined: it was answered before it came. */
  readonly call: Call | undefined
  /** As the app was told last. */
  readonly isRinging: boolean
  readonly isSettled: boolean
  readonly forget: () => void
}

const STATES: Readonly<Record<CallAnswer, CallState>> = {
  ringing: 'ringing',
  accept: 'accepted',
  reject: 'rejected',
  busy: 'busy',
  cancel: 'cancelled',
}

export function createRinging(options: RingingOptions): Ringing {
  return new RingingHere(options)
}

class RingingHere implements Ringing {
  readonly #options: RingingOptions
  readonly #known = new Map<string, Known>()

  constructor(options: RingingOptions) {
    this.#options = options
  }

  take(call: Call): void {
    const { id, version } = call
    const before = this.#known.get(id)
    if (before !== undefined && before.version >= version) return
    if (before?.isSettled && isNoNews(call, before.call))
      return void this.#known.set(id, { ...before, version })
    before?.forget()
    const ms = isCalled(call) ? leftToRing(call, this.#options.now()) : 0
    // One that is over by now rings nobody.
    const told: Call = isCalled(call) && ms === 0 ? { ...call, state: 'timed_out' } : call
    const isRinging = told.state === 'ringing'
    this.#known.set(id, { version, call, isRinging, isSettled: false, forget: this.#endIn(ms, call) })
    this.#options.onCall(told)
  }

  settle(id: string, answer: CallAnswer): void {
    const { version = 0, call, forget = nothing } = this.#known.get(id) ?? {}
    if (answer === 'ringing' || call?.role === 'caller') return
    forget()
    const told = call && isCalled(call) ? overAs(call, STATES[answer]) : undefined
    this.#known.set(id, { version, call: told ?? call, isRinging: false, isSettled: true, forget: nothing })
    if (told !== undefined) this.#options.onCall(told)
  }

  endAll(): void {
    const over: Call[] = []
    for (const [id, { call, isRinging, forget }] of [...this.#known]) {
      if (call === undefined || !isRinging) continue
      forget()
      this.#known.delete(id) // it rings again when the same person is back in time
      over.push(call)
    }
    for (const call of over) this.#options.onCall(overAs(call, 'cancelled'))
  }

  stop(): void {
    for (const { forget } of this.#known.values()) forget()
    this.#known.clear()
  }

  #endIn(ms: number, call: Call): () => void {
    if (ms === 0) return nothing
    const { onCall, later = byTimeout } = this.#options
    return later(() => {
      const known = this.#known.get(call.id)
      if (known !== undefined) this.#known.set(call.id, { ...known, isRinging: false })
      onCall(overAs(call, 'timed_out'))
    }, ms)
  }
}

/** It rings for the person who uses this device. */
function isCalled({ state, role }: Call): boolean {
  return state === 'ringing' && role !== 'caller'
}

/** Of a call that this device has answered. */
function isNoNews(call: Call, before: Call | undefined): boolean {
  return isCalled(call) || (call.role !== 'caller' && call.state === before?.state)
}

function overAs(call: Call, state: CallState): Call {
  return { ...call, state, ringMs: 0 }
}

function nothing(): void {}

function byTimeout(work: () => void, ms: number): () => void {
  const timer = setTimeout(work, ms)
  return () => clearTimeout(timer)
}

export type CallAnswer = 'ringing' | 'accept' | 'reject' | 'busy' | 'cancel'

const TIMEOUT_MS = 10_000
/** Of an error: it came too late. */
const CONFLICT = 409

/** Of a network that comes and goes: whoever has tapped "accept" looks at it meanwhile. */
const PAUSES_MS = [300, 1000, 3000]

/**
 * `over`: another answer has won, or the time is over. Says it again where no answer came. Throws RoostError; after `unreachable` and
 * `unavailable` it may have been taken: whoever has won wins again.
 */
export async function answerCall(
  { store, transport, pause = byTimer }: AnsweringOptions,
  id: string,
  answer: CallAnswer,
): Promise<'taken' | 'over'> {
  const state = await store.read()
  if (state === undefined) throw new RoostError('not_started', 'Roost was never started on this device')
  const { baseUrl, application, deviceToken } = state.settings
  const device = `${baseUrl}/v1/apps/${application}/devices/${encodeURIComponent(state.hwid)}`
  const request = {
    url: `${device}/calls/${encodeURIComponent(id)}/${answer}`,
    headers: { authorization: `Token ${deviceToken}` },
    timeoutMs: TIMEOUT_MS,
  }
  for (const ms of PAUSES_MS) {
    const status = await statusOf(transport, request)
    if (status !== undefined && status < 500) return readStatus(status, answer)
    await pause(ms)
  }
  return readStatus(await statusOf(transport, request), answer)
}

export interface AnsweringOptions {
  readonly store: Store
  readonly transport: Transport
  /** Default setTimeout. */
  readonly pause?: (ms: number) => Promise<void>
}

function byTimer(ms: number): Promise<void> {
  return new Promise(resolve => {
    byTimeout(resolve, ms)
  })
}

/** Undefined when there was no answer. */
async function statusOf(transport: Transport, request: TransportRequest): Promise<number | undefined> {
  const answered = await transport(request).catch(() => undefined)
  return answered?.status
}

function readStatus(status: number | undefined, answer: CallAnswer): 'taken' | 'over' {
  if (status === 200) return 'taken'
  if (status === CONFLICT) return 'over'
  if (status === undefined) throw new RoostError('unreachable', `the call got no answer to "${answer}"`)
  throw new RoostError(status === 404 ? 'refused' : codeOf(status), `"${answer}" was answered with ${status}`)
}
