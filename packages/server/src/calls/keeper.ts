/**
 * What has to happen to calls when nobody says anything: rings that an open app did not confirm are pushed, and calls whose time is over end,
 * with what was missed. The times stand in the database, so whichever process lives does it, once.
 */
import { announceJob } from '../jobs/runner.ts'
import { type Database, isDatabaseAway } from '../store/database.ts'
import { followChanges } from './calls.ts'
import { toldOf } from './content.ts'
import { takeUnheard } from './legs.ts'
import { ringByPush, unlessRefused } from './pushes.ts'
import { step } from './state.ts'
import { type CallKey, lockOverdue, lockUnheard } from './store.ts'

/** A call that could not be kept is tried again after so long, then after twice as long, up to a minute. */
const FIRST_RETRY_MS = 1000
const LAST_RETRY_MS = 60_000

interface Failure {
  readonly call: CallKey
  readonly retryAt: number
  readonly waitMs: number
}

/** Of one process. What fails again and again of one call holds no other one up: it waits longer each time, in memory. */
export class CallKeeper {
  readonly #failures = new Map<string, Failure>()

  /** One of them; false when there was nothing to do. Any number of processes may run it at once. Throws what a call failed with. */
  async keepNext(db: Database, at: number): Promise<boolean> {
    const spared = this.#sparedAt(at)
    if (await this.#try(at, noteCall => endOverdue(db, { at, spared, noteCall }))) {
      await announceJob(db, 'webhook-delivery').catch(() => undefined) // it comes within a minute all the same
      return true
    }
    return this.#try(at, noteCall => pushUnheard(db, { at, spared, noteCall }))
  }

  #sparedAt(at: number): CallKey[] {
    return [...this.#failures.values()].flatMap(it => (it.retryAt > at ? [it.call] : []))
  }

  async #try(at: number, work: (noteCall: (call: CallKey) => void) => Promise<boolean>): Promise<boolean> {
    let call: CallKey | undefined
    try {
      const didWork = await work(it => {
        call = it
      })
      if (call !== undefined) this.#failures.delete(nameOf(call))
      return didWork
    } catch (error) {
      if (call !== undefined && !isDatabaseAway(error)) this.#noteFailure(call, at)
      throw error
    }
  }

  #noteFailure({ appId, callId }: CallKey, at: number): void {
    for (const [name, it] of this.#failures) if (it.retryAt + LAST_RETRY_MS < at) this.#failures.delete(name)
    const name = nameOf({ appId, callId })
    const former = this.#failures.get(name)?.waitMs
    const waitMs = former === undefined ? FIRST_RETRY_MS : Math.min(LAST_RETRY_MS, former * 2)
    this.#failures.set(name, { call: { appId, callId }, retryAt: at + waitMs, waitMs })
  }
}

function nameOf({ appId, callId }: CallKey): string {
  return `${appId} ${callId}`
}

interface Turn {
  readonly at: number
  /** Others come first. */
  readonly spared: readonly CallKey[]
  /** Hears which call it is before anything can fail. */
  readonly noteCall: (call: CallKey) => void
}

async function endOverdue(db: Database, { at, spared, noteCall }: Turn): Promise<boolean> {
  return db.transaction(async tx => {
    const call = await lockOverdue(tx, at, spared)
    if (call === undefined) return false
    noteCall(call)
    await followChanges(tx, call, { step: step(call, { kind: 'tick' }, at), at })
    return true
  })
}

async function pushUnheard(db: Database, { at, spared, noteCall }: Turn): Promise<boolean> {
  return db.transaction(async tx => {
    const call = await lockUnheard(tx, at, spared)
    if (call === undefined) return false
    noteCall(call)
    const legs = await takeUnheard(tx, call, at)
    if (at >= call.ringUntil) return true
    for (const { userId, state } of call.callees) {
      const devices = legs.flatMap(({ hwid, road, gateway, ...it }) =>
        it.userId === userId && road !== null && gateway !== null ? [{ hwid, road, gateway }] : [],
      )
      if (state !== 'ringing' || devices.length === 0) continue
      const ring = { appId: call.appId, call: toldOf(call, { userId, state }), devices, at }
      await ringByPush(tx, ring).catch(unlessRefused)
    }
    return true
  })
}
