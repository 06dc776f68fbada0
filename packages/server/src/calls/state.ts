/**
 * What becomes of a call, and nothing else: a call and what is said go in, the call as it is then and what follows come out. Who is asked
 * first, by which server, and whether the answer arrives, is for others to know.
 *
 *   ringing ──accept──▶ accepted      a callee leaves `ringing` once, and stays where it comes to
 *      ├──────reject──▶ rejected
 *      ├────────busy──▶ busy
 *      ├──────cancel──▶ cancelled     of all callees that still ring
 *      └──ring until──▶ timed_out     whatever is said at that time or later
 */
import type { CallState, DeviceCallState } from '@roost/protocol'

export interface Callee {
  readonly userId: string
  readonly state: CallState
  /** The device whose answer counts; null when it was none. */
  readonly by: string | null
}

export interface Ringing {
  /** ms. */
  readonly ringUntil: number
  readonly callees: readonly Callee[]
}

export type Said =
  | { readonly kind: 'accept' | 'reject' | 'busy'; readonly userId: string; readonly hwid: string | null }
  | { readonly kind: 'cancel' }
  /** Nothing is said: only the time goes on. */
  | { readonly kind: 'tick' }

/** What a person's other devices are to show of a change; see docs/calls.md. */
export type Aftermath = 'missed' | 'answered' | 'declined'

export interface Change {
  readonly userId: string
  readonly to: Exclude<CallState, 'ringing'>
  readonly by: string | null
  readonly aftermath: Aftermath
}

export interface Step {
  readonly callees: readonly Callee[]
  /** `taken`: it changed something, or (`repeated`) it had. `late`: something else was first. */
  readonly said: 'taken' | 'repeated' | 'late'
  readonly changes: readonly Change[]
}

const COMES_TO = { accept: 'accepted', reject: 'rejected', busy: 'busy' } as const
const AFTERMATH: Readonly<Record<Change['to'], Aftermath>> = {
  accepted: 'answered',
  rejected: 'declined',
  busy: 'missed',
  cancelled: 'missed',
  timed_out: 'missed',
}

/** `at`: ms, by the clock of whoever holds the call. */
export function step({ ringUntil, callees }: Ringing, said: Said, at: number): Step {
  if (at >= ringUntil) return { ...settle(callees, isRinging, 'timed_out'), said: verdictOver(callees, said) }
  if (said.kind === 'tick') return { callees, said: 'repeated', changes: [] }
  if (said.kind === 'cancel') {
    const settled = settle(callees, isRinging, 'cancelled')
    return { ...settled, said: settled.changes.length > 0 ? 'taken' : verdictOver(callees, said) }
  }
  const { userId, hwid, kind } = said
  const settled = settle(callees, it => it.userId === userId && isRinging(it), COMES_TO[kind], hwid)
  return { ...settled, said: settled.changes.length > 0 ? 'taken' : verdictOver(callees, said) }
}

/** Of what changes nothing any more. */
function verdictOver(callees: readonly Callee[], said: Said): Step['said'] {
  if (said.kind === 'tick') return 'repeated'
  if (said.kind === 'cancel') return callees.some(it => it.state === 'cancelled') ? 'repeated' : 'late'
  const callee = callees.find(it => it.userId === said.userId)
  if (callee?.state !== COMES_TO[said.kind]) return 'late'
  // One device accepts; that another one has rejected is what this one wants, too.
  return said.kind !== 'accept' || callee.by === said.hwid ? 'repeated' : 'late'
}

function settle(
  callees: readonly Callee[],
  isMeant: (callee: Callee) => boolean,
  to: Change['to'],
  by: string | null = null,
): Pick<Step, 'callees' | 'changes'> {
  const changes = callees.filter(isMeant).map(({ userId }) => ({ userId, to, by, aftermath: AFTERMATH[to] }))
  return { callees: callees.map(it => (isMeant(it) ? { ...it, state: to, by } : it)), changes }
}

function isRinging({ state }: Callee): boolean {
  return state === 'ringing'
}

/** As everybody reads it, whether or not somebody has written down that the time is over. */
export function stateAt(state: CallState, ringUntil: number, at: number): CallState {
  return state === 'ringing' && at >= ringUntil ? 'timed_out' : state
}

/** In this order, of several. */
const OVERALL = ['ringing', 'accepted', 'busy', 'rejected', 'timed_out', 'cancelled'] as const

/** Of the call as a whole. */
export function overallState(states: readonly CallState[]): CallState {
  return OVERALL.find(it => states.includes(it)) ?? 'cancelled'
}

/** Of one device of a callee. `isBy`: its answer is the one that counts. */
export function deviceState(state: CallState, isBy: boolean): DeviceCallState {
  return state === 'accepted' && !isBy ? 'answered_elsewhere' : state
}
