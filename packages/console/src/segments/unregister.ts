/**
 * Unregisters all who are in a segment, and takes that back: the members are named page by page, so what is confirmed is exactly what
 * is done, whatever changes in between; then bulk calls of up to 10 000 do it. All of it is safe to repeat.
 *
 * Taken back are the removals that the sender asked for (`asked_by_sender`) at the very time of each call: the ledger has them under the time
 * at which the call was made. Who asked to be left alone stays alone. Source: docs/segments.md, docs/uninstalls.md.
 */
import type { BulkRequestView, SegmentMembers, UndoPreview, UndoView } from '@roost/protocol'
import { type Api, ApiProblem, path, query } from '../api/client.ts'

/** Of a bulk call. */
const CHUNK = 10_000
const FIRST_PAUSE_MS = 200
const LONGEST_PAUSE_MS = 2_000
const REASON = 'asked_by_sender'

export interface Gathered {
  readonly members: number
  /** Of these: they have an address that ends. */
  readonly hwids: readonly string[]
}

export interface Work {
  readonly api: Api
  readonly app: string
  readonly signal: AbortSignal
}

/** Rejects with the `AbortError` of the signal. */
export async function gatherMembers(
  { api, app, signal }: Work,
  segment: string,
  onGathered: (so: Gathered) => void,
): Promise<Gathered> {
  const hwids: string[] = []
  let members = 0
  let after: string | undefined
  do {
    const page = await api.get<SegmentMembers>(
      path`v1/apps/${app}/segments/${segment}/members` + query({ limit: CHUNK, after }),
      { signal },
    )
    members += page.devices.length
    for (const { hwid, hasAddress } of page.devices) if (hasAddress) hwids.push(hwid)
    onGathered({ members, hwids })
    after = page.next ?? undefined
  } while (after !== undefined)
  return { members, hwids }
}

export interface Ended {
  /** Devices in the calls that were made. */
  readonly named: number
  /** Devices that have been answered for. */
  readonly devices: number
  readonly done: number
  /** They have registered again meanwhile, or are gone. */
  readonly others: number
  readonly requests: readonly string[]
}

const NOTHING_ENDED: Ended = { named: 0, devices: 0, done: 0, others: 0, requests: [] }

/**
 * `onEnded` hears of each call before it is made, so that nothing is forgotten when this breaks off, or when an answer is lost. It goes on
 * from what it heard last (`begun`): a call is repeated under its own id, which is the same request to the server.
 */
export async function unregisterAll(
  work: Work,
  hwids: readonly string[],
  onEnded: (so: Ended) => void,
  begun: Ended = NOTHING_ENDED,
): Promise<Ended> {
  let so = begun
  while (so.devices < hwids.length) {
    const chunk = hwids.slice(so.devices, so.devices + CHUNK)
    if (so.named === so.devices) {
      so = { ...so, named: so.named + chunk.length, requests: [...so.requests, newId()] }
      onEnded(so)
    }
    const id = so.requests.at(-1) ?? ''
    await work.api.post(
      path`v1/apps/${work.app}/devices/bulk-unregister`,
      { id, devices: chunk.map(hwid => ({ hwid })) },
      { signal: work.signal },
    )
    const done = (await bulkDone(work, id)).counts?.done ?? 0
    so = {
      ...so,
      devices: so.devices + chunk.length,
      done: so.done + done,
      others: so.others + chunk.length - done,
    }
    onEnded(so)
  }
  return so
}

/** A UUID of version 4. `crypto.randomUUID` is missing where a page came by http. */
function newId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80
  const hex = [...bytes].map(byte => byte.toString(16).padStart(2, '0')).join('')
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

function bulkDone(work: Work, id: string): Promise<BulkRequestView> {
  return until(
    work,
    () =>
      work.api.get<BulkRequestView>(
        path`v1/apps/${work.app}/bulk-requests/${id}` + query({ results: false }),
        { signal: work.signal },
      ),
    ({ state }) => state === 'done',
  )
}

export interface Restorable {
  readonly matched: number
  readonly restorable: number
}

/** What would come back now: the others have registered, moved on or been erased since. */
export async function previewUndo(work: Work, requests: readonly string[]): Promise<Restorable> {
  let [matched, restorable] = [0, 0]
  for (const filter of await filtersOf(work, requests)) {
    const found = await undo<UndoPreview>(work, { ...filter, dryRun: true })
    matched += found.matched
    restorable += found.restorable
  }
  return { matched, restorable }
}

/** Returns how many addresses came back. */
export async function undoAll(work: Work, requests: readonly string[]): Promise<number> {
  let restored = 0
  for (const filter of await filtersOf(work, requests)) {
    const { id } = await undo<UndoView>(work, filter)
    const ended = await until(
      work,
      () => work.api.get<UndoView>(path`v1/apps/${work.app}/removals/undo/${id}`, { signal: work.signal }),
      ({ state }) => state === 'done',
    )
    restored += ended.restored
  }
  return restored
}

interface Filter {
  readonly reasons: readonly string[]
  readonly from: string
  readonly to: string
}

async function filtersOf(work: Work, requests: readonly string[]): Promise<readonly Filter[]> {
  const filters: Filter[] = []
  for (const id of requests) {
    const createdAt = await beganAt(work, id)
    if (createdAt === undefined) continue
    const to = new Date(Date.parse(createdAt) + 1).toISOString()
    filters.push({ reasons: [REASON], from: createdAt, to })
  }
  return filters
}

/** Undefined of a call that never came to the server. */
async function beganAt(work: Work, id: string): Promise<string | undefined> {
  try {
    return (await bulkDone(work, id)).createdAt
  } catch (error) {
    if (error instanceof ApiProblem && error.body.code === 'bulk_request_unknown') return undefined
    throw error
  }
}

function undo<T>({ api, app, signal }: Work, filter: object): Promise<T> {
  return api.post<T>(path`v1/apps/${app}/removals/undo`, filter, { signal })
}

/** What is under way for a second or two: the live stream tells what ends, but not of what began and ended between two of its looks. */
async function until<T>({ signal }: Work, read: () => Promise<T>, isDone: (found: T) => boolean): Promise<T> {
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 2)) {
    const found = await read()
    if (isDone(found)) return found
    await new Promise(resolve => setTimeout(resolve, pauseMs))
    signal.throwIfAborted()
  }
}
