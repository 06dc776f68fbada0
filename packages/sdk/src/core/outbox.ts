/**
 * Sending what is kept, oldest first. A call that fails holds back those of its own method, whose order counts, but not the others: one
 * that the server chokes on must not cost the receipts behind it. Receipts that wait go together: a phone that was off for a week has
 * hundreds.
 */
import type { RoostError } from './error.ts'
import type { KeptCall, Store } from './state.ts'

type Fields = Readonly<Record<string, unknown>>

export interface OutboxOptions {
  readonly store: Store
  readonly now: () => number
  /** A `userId` of null: nobody. Gives back what went wrong, undefined when it is done. */
  readonly send: (method: string, fields: Fields) => Promise<RoostError | undefined>
  /** The server was busy a moment ago. */
  readonly isBusy: boolean
}

/** As long as the server can still match a receipt to its message. */
const KEEP_MS = 30 * 24 * 60 * 60_000
/** Who is logged in has to be told however late it is: until then the server takes it for whoever was before (R25). */
const NEVER_LATE: ReadonlySet<string> = new Set(['registerUser'])

/** A server that is busy has room left for what can't. */
export function canWait(method: string): boolean {
  return !NEVER_LATE.has(method)
}

/** What happened to a push counts when it happened, however late it is told; by a difference, since clocks of devices are wrong. */
const KINDS: Readonly<Partial<Record<string, string>>> = {
  messageDeliveryEvent: 'delivered',
  pushStat: 'opened',
  postReceipts: '',
}
/** The server takes 1000 in 64 KiB; each has some 150 bytes. */
const RECEIPTS_AT_ONCE = 300
/** More than a device gets in a month: the oldest are dropped. */
const RECEIPTS_KEPT = 2000
/** Tags, events and the like, of which each goes by itself: the same. */
const OTHERS_KEPT = 1000

/** Gives back what went wrong, by key. Without a network it stops at the first call; a busy server is told what can't wait alone. */
export async function sendKept(options: OutboxOptions): Promise<ReadonlyMap<string, RoostError>> {
  const failures = new Map<string, RoostError>()
  const heldBack = new Set<string>()
  let { isBusy } = options
  for (const calls of inGroups(await freshOf(options))) {
    const [first] = calls
    if (first === undefined || heldBack.has(first.method) || (isBusy && canWait(first.method))) continue
    let failure = await sendTogether(options, calls)
    if (failure?.code === 'refused' && calls.length > 1) failure = await sendApart(options, calls)
    else {
      for (const { key } of calls) if (failure !== undefined) failures.set(key, failure)
      if (!(await settle(options, calls, failure))) for (const { method } of calls) heldBack.add(method)
    }
    if (failure?.code === 'unreachable') break
    isBusy ||= isForAll(failure)
  }
  return failures
}

/** One of them is wrong: the others are told by themselves. Gives back what keeps all others from it, too. */
async function sendApart(
  options: OutboxOptions,
  calls: readonly KeptCall[],
): Promise<RoostError | undefined> {
  for (const call of calls) {
    const failure = await sendTogether(options, [call])
    if (isForAll(failure)) return failure
    await settle(options, [call], failure)
  }
  return undefined
}

/** The next call would fare no better: there is no network, or the server is busy. */
function isForAll(failure: RoostError | undefined): boolean {
  return failure?.code === 'unreachable' || failure?.retryAfterMs !== undefined
}

/** False when they have to wait. */
async function settle(
  { store }: OutboxOptions,
  calls: readonly KeptCall[],
  failure: RoostError | undefined,
): Promise<boolean> {
  const isOver = failure === undefined || failure.code === 'refused'
  if (isOver) for (const { key } of calls) await store.forget(key)
  return isOver
}

async function freshOf({ store, now }: OutboxOptions): Promise<readonly KeptCall[]> {
  const kept = await store.kept()
  const isLate = (it: KeptCall) => now() - it.at > KEEP_MS
  const mortal = kept.filter(it => canWait(it.method))
  const dropped = new Set([
    ...mortal.filter(isLate),
    ...tooMany(mortal.filter(isReceipt), RECEIPTS_KEPT),
    ...tooMany(
      mortal.filter(it => !isReceipt(it)),
      OTHERS_KEPT,
    ),
  ])
  for (const { key } of dropped) await store.forget(key)
  return kept.filter(it => !dropped.has(it))
}

/** The oldest, beyond what is kept. */
function tooMany(calls: readonly KeptCall[], most: number): readonly KeptCall[] {
  return calls.slice(0, Math.max(0, calls.length - most))
}

function isReceipt({ method }: KeptCall): boolean {
  return method in KINDS
}

/** Receipts together, at the place of the first; all else by itself. */
function inGroups(kept: readonly KeptCall[]): (readonly KeptCall[])[] {
  const receipts = kept.filter(isReceipt)
  const groups: (readonly KeptCall[])[] = []
  for (const call of kept) {
    if (!isReceipt(call)) groups.push([call])
    else if (call === receipts[0])
      for (let i = 0; i < receipts.length; i += RECEIPTS_AT_ONCE)
        groups.push(receipts.slice(i, i + RECEIPTS_AT_ONCE))
  }
  return groups
}

async function sendTogether(
  { send, now }: OutboxOptions,
  calls: readonly KeptCall[],
): Promise<RoostError | undefined> {
  const [first] = calls
  if (first === undefined) return undefined
  if (calls.length > 1) return send('postReceipts', { receipts: calls.flatMap(it => receiptsOf(it, now())) })
  return send(first.method, { ...first.fields, ...addedAtSending(first, now()) })
}

function addedAtSending(call: KeptCall, now: number): Fields {
  if (call.isLogout) return { userId: null }
  return isReceipt(call) ? { age: ageOf(call, now) } : {}
}

function receiptsOf(call: KeptCall, now: number): Fields[] {
  const age = ageOf(call, now)
  const { hash, receipt_key, receipts } = call.fields
  if (Array.isArray(receipts)) return receipts.map((it: Fields) => ({ ...it, age }))
  return [{ kind: KINDS[call.method], hash, ...(receipt_key !== undefined && { receipt_key }), age }]
}

/** Seconds. */
function ageOf({ at }: KeptCall, now: number): number {
  return Math.max(0, Math.round((now - at) / 1000))
}
