/**
 * Calls of the JSON 1.3 device protocol: `POST <base>/json/1.3/<method>` with `{"request":{…}}`; done means
 * HTTP 200 **and** `status_code` 200. What must not get lost goes through `deliver`: it is kept first, sent
 * then, and sent again at the next event or start if the network was away. The server counts receipts
 * once, so a repeat is harmless.
 */
import { RoostError } from './error.ts'
import { canWait, sendKept } from './outbox.ts'
import { createPause } from './pause.ts'
import type { DeviceState, KeptCall, Store } from './state.ts'

export const VERSION = '0.1.0'
const TIMEOUT_MS = 15_000
/** Calls whose order the server must know: a repeat that comes late may not undo a newer one. */
const ORDERED = new Set(['registerDevice', 'unregisterDevice', 'registerUser'])
/** 68 years in seconds; four million of them fit in a number. */
const STEP_MAX = 2 ** 31
const BUSY: ReadonlySet<number> = new Set([429, 503])
const FINAL: ReadonlySet<number> = new Set([210, 400, 413, 422])
/** It is asked for often enough with these. */
const TELLS_PERMISSION = new Set(['registerDevice', 'applicationOpen'])

export interface TransportRequest {
  /** POST unless said otherwise. */
  readonly method?: 'GET' | 'POST' | 'PUT'
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
  readonly timeoutMs: number
}

export interface TransportAnswer {
  readonly status: number
  readonly body: string
  /** The header `Retry-After`, as it stands. */
  readonly retryAfter?: string | null
}

/** Rejects when there was no answer; any answer at all is a result. */
export type Transport = (request: TransportRequest) => Promise<TransportAnswer>

/** What the device tells about itself with every call. */
export interface DeviceFacts {
  /** Number of the platform in the protocol: 10 Safari, 11 Chromium, 12 Firefox. */
  readonly deviceType: number
  readonly deviceModel: string
  readonly osVersion: string
  readonly language: string
  readonly timezoneSeconds: number
  /** IANA name. */
  readonly timeZone?: string
  /** Whether notifications may be shown. */
  readonly permission?: 'granted' | 'provisional' | 'denied' | 'not_determined' | undefined
}

/** Runs work that no other tab or worker of this device may run at the same time. */
export type Lock = <T>(name: string, work: () => Promise<T>) => Promise<T>

export interface ClientOptions {
  readonly store: Store
  readonly transport: Transport
  readonly lock: Lock
  readonly now: () => number
  readonly facts: () => DeviceFacts
}

type Fields = Readonly<Record<string, unknown>>

export interface Client {
  /** Answers the protocol's `response`, `{}` for null. Throws RoostError. */
  call(method: string, fields?: Fields): Promise<Fields>
  /** `kept`: it will be sent later. Throws RoostError `refused` when the server says no for good, or JSON can't say it. */
  deliver(call: Pick<KeptCall, 'key' | 'method' | 'fields'>): Promise<'sent' | 'kept'>
  /** Sends one that is kept already, and those before it; else as `deliver`. */
  deliverKept(key: string): Promise<'sent' | 'kept'>
  /** Sends what is kept (outbox.ts); where the server was busy a moment ago (pause.ts), a login or logout alone. */
  flush(): Promise<void>
}

export function createClient(options: ClientOptions): Client {
  const { store, now } = options
  const call = (method: string, fields: Fields = {}): Promise<Fields> => post(options, method, fields)
  const pause = createPause(now)
  const send = async (method: string, fields: Fields) => {
    const failure = await tryToPost(options, method, fields)
    if (canWait(method)) pause.note(failure)
    return failure
  }
  const flush = (): Promise<ReadonlyMap<string, RoostError>> =>
    options.lock('roost-outbox', () => sendKept({ store, now, send, isBusy: !pause.isOver() }))

  const deliverKept = async (key: string): Promise<'sent' | 'kept'> => {
    const failed = (await flush()).get(key)
    if (failed?.code === 'refused') throw failed
    return (await store.kept()).some(kept => kept.key === key) ? 'kept' : 'sent'
  }

  return {
    call,
    deliverKept,
    async deliver({ key, method, fields }) {
      // As JSON says it: else each store would keep something else, and what can't be said would stop all that is kept behind it.
      const said = JSON.parse(toJson(fields)) as Fields
      await store.keep({ key, method, fields: said, at: now() })
      return deliverKept(key)
    },
    async flush() {
      await flush()
    },
  }
}

/** Calls that have an order go one after the other: on the way a later one could overtake, and the earlier one would count as late. */
function post(options: ClientOptions, method: string, fields: Fields): Promise<Fields> {
  const go = () => postOnce(options, method, fields)
  return ORDERED.has(method)
    ? options.lock('roost-ordered', async () => mendIdentity(options, method, await go(), go))
    : go()
}

/**
 * A copy of this device, from a backup or a cloned profile, goes by the same hwid. Either it has counted on while this one has not, and all that this
 * one says counts as late (R5): it goes on from a number that is ahead. Or the server sees both and hands a new hwid to one of the two (race M), and that
 * one's address goes over to it. Both by the same call again.
 */
async function mendIdentity(
  { store, now }: ClientOptions,
  method: string,
  answer: Fields,
  again: () => Promise<Fields>,
): Promise<Fields> {
  const { new_hwid: hwid, stale } = answer
  const isHanded = method === 'registerDevice' && typeof hwid === 'string' && hwid !== ''
  if (!isHanded && stale !== true) return answer
  await store.update(state => {
    const before = known(state)
    return isHanded ? { ...before, hwid } : { ...before, clientSeq: numberAhead(before, now()) }
  })
  return again()
}

/**
 * Whoever did the same before has a smaller one, unless its clock was ahead of this one's. By steps that do not grow for ever: two copies that take
 * turns in this would soon be past what a number counts exactly.
 */
function numberAhead({ clientSeq }: DeviceState, now: number): number {
  return Math.max(clientSeq + Math.min(clientSeq, STEP_MAX), Math.round(now / 1000))
}

async function postOnce(options: ClientOptions, method: string, fields: Fields): Promise<Fields> {
  const state = await stateForCall(options.store, method)
  const { baseUrl, deviceToken } = state.settings
  const request: TransportRequest = {
    url: `${baseUrl}/json/1.3/${method}`,
    headers: { 'content-type': 'application/json', authorization: `Token ${deviceToken}` },
    body: toJson({ request: { ...baseFields(state, options.facts(), method), ...named(fields, state) } }),
    timeoutMs: TIMEOUT_MS,
  }
  const answer = await options.transport(request).catch((cause: unknown) => {
    throw new RoostError('unreachable', `${method} got no answer`, { cause })
  })
  return readAnswer(method, answer)
}

/** What it can't say, such as a BigInt or a cycle, no server will ever take. */
function toJson(value: unknown): string {
  try {
    return JSON.stringify(value)
  } catch (cause) {
    throw new RoostError('refused', 'The call holds something that JSON can’t say', { cause })
  }
}

async function stateForCall(store: Store, method: string): Promise<DeviceState> {
  if (!ORDERED.has(method)) return known(await store.read())
  return store.update(state => {
    const before = known(state)
    return { ...before, clientSeq: before.clientSeq + 1 }
  })
}

function known(state: DeviceState | undefined): DeviceState {
  if (state === undefined) throw new RoostError('not_started', 'Roost was never started on this device')
  return state
}

function baseFields(state: DeviceState, facts: DeviceFacts, method: string): Fields {
  return {
    application: state.settings.application,
    hwid: state.hwid,
    device_type: facts.deviceType,
    v: VERSION,
    device_model: facts.deviceModel,
    os_version: facts.osVersion,
    timezone: facts.timezoneSeconds,
    ...(facts.timeZone === undefined ? {} : { time_zone: facts.timeZone }),
    language: facts.language,
    ...(state.settings.appVersion === undefined ? {} : { app_version: state.settings.appVersion }),
    ...(facts.permission !== undefined && TELLS_PERMISSION.has(method)
      ? { permission: facts.permission }
      : {}),
    ...(state.userId === undefined ? {} : { userId: state.userId }),
    ...(ORDERED.has(method) ? { client_seq: state.clientSeq } : {}),
  }
}

/** The protocol's way to say "nobody": the device is its own user. It may have got another name since the call was kept. */
function named(fields: Fields, { hwid }: DeviceState): Fields {
  return fields.userId === null ? { ...fields, userId: hwid } : fields
}

function readAnswer(method: string, answer: TransportAnswer): Fields {
  const envelope = answer.status === 200 ? parseEnvelope(answer.body) : undefined
  const status = envelope?.status_code ?? answer.status
  if (envelope?.status_code === 200) return envelope.response ?? {}
  throw new RoostError(
    codeOf(status),
    `${method} was answered with ${status} ${envelope?.status_message ?? ''}`,
    BUSY.has(status) ? { retryAfterMs: Number(answer.retryAfter) * 1000 || 0 } : {},
  )
}

/** Only what the server has understood and turned down is final, and what is too large for it or for a proxy; all else may be one on the way. */
export function codeOf(status: number): 'refused' | 'unauthorized' | 'unavailable' {
  if (status === 401 || status === 403) return 'unauthorized'
  return FINAL.has(status) ? 'refused' : 'unavailable'
}

interface Envelope {
  readonly status_code?: number
  readonly status_message?: string
  readonly response?: Fields | null
}

function parseEnvelope(body: string): Envelope | undefined {
  try {
    return JSON.parse(body) as Envelope
  } catch {
    return undefined
  }
}

/** Undefined when it is done. */
async function tryToPost(
  options: ClientOptions,
  method: string,
  fields: Fields,
): Promise<RoostError | undefined> {
  try {
    await post(options, method, fields)
    return undefined
  } catch (error) {
    if (error instanceof RoostError) return error
    throw error
  }
}
