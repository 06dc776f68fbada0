/**
 * Calls: made by a back end, answered by devices and back ends. Each change takes place in one transaction with all that follows of it
 * (who is told, which pushes leave or are stopped), so a server that dies leaves a call as it was or as it is, and nothing between.
 */
import {
  type CallAnswer,
  type CallEvent,
  type CallList,
  type CallView,
  type DeviceCall,
  type NewCall,
  PushError,
} from '@roost/protocol'
import { v4 as uuidv4 } from 'uuid'
import type { Way } from '../dispatch/precedence.ts'
import type { Database, Transaction } from '../store/database.ts'
import type { Clock } from '../time.ts'
import { recordEvent } from '../webhooks/outbox.ts'
import { toldOf } from './content.ts'
import { ensureLeg, noteRinging, readUserOfDevice } from './legs.ts'
import { type CallQuery, listCalls } from './list.ts'
import { createCall } from './make.ts'
import { endByPush } from './pushes.ts'
import { overallState, type Said, type Step, step } from './state.ts'
import { type CallKey, lockCall, type StoredCall, writeChanges } from './store.ts'
import { callUnknown, listDeviceCalls, readCall, readDeviceCall } from './views.ts'

export interface CallsOptions {
  readonly db: Database
  readonly clock: Clock
  /** Campaigns of this process give way until that has ended; undefined where there are none. */
  readonly giveWay: () => Way | undefined
  /** Pushes are to leave. */
  readonly poke: () => void
  /** Devices that are connected here are to be told. */
  readonly tell: () => void
  /** Webhooks are to be told. */
  readonly announce: () => void
}

/** What became of what a device said. */
export interface Answered {
  readonly taken: boolean
  readonly call: DeviceCall
}

export class Calls {
  readonly #options: CallsOptions

  constructor(options: CallsOptions) {
    this.#options = options
  }

  /** A repeat with the same id answers the call that it made. Throws `user_unknown`, `input_invalid`, `idempotency_key_reused`, `message_too_large`. */
  async create(appId: number, input: NewCall): Promise<CallView> {
    const { db, clock, giveWay, tell, poke } = this.#options
    if (input.caller.userId !== undefined && input.callees.includes(input.caller.userId))
      throw new PushError('input_invalid', 'body/callees: the caller is among them')
    const key = { appId, callId: input.id ?? uuidv4() }
    const at = clock.now()
    const way = giveWay()
    let messages: readonly string[] = []
    try {
      messages = await db.plannedTransaction(tx => createCall(tx, key, { input, at }))
      for (const [i, id] of messages.entries()) (i === 0 ? way : giveWay())?.isOf(id) // until each is in its gateway's hands
      tell()
      poke()
      return await readCall(db, key, clock.now())
    } finally {
      if (messages.length === 0) way?.end() // who is connected has been told as fast as the call could be read
    }
  }

  /** Throws `call_unknown`. */
  read(key: CallKey): Promise<CallView> {
    return readCall(this.#options.db, key, this.#options.clock.now())
  }

  list(asked: CallQuery): Promise<CallList> {
    return listCalls(this.#options.db, asked, this.#options.clock.now())
  }

  /** What concerns a device by now. */
  listOf(device: { readonly appId: number; readonly hwid: string }): Promise<DeviceCall[]> {
    return listDeviceCalls(this.#options.db, { ...device, at: this.#options.clock.now() })
  }

  /** By a back end. Throws `call_unknown`, and `call_over` when something else was first. */
  async cancel(key: CallKey): Promise<CallView> {
    await this.#sayForBackEnd(key, async () => ({ kind: 'cancel' }))
    return this.read(key)
  }

  /** By a back end, on behalf of a callee. Throws `call_unknown`, `user_unknown`, `device_unknown`, `call_over`. */
  async answer(key: CallKey, kind: 'accept' | 'reject' | 'busy', answer: CallAnswer): Promise<CallView> {
    const { userId, hwid = null } = answer
    await this.#sayForBackEnd(key, async (tx, call) => {
      if (!call.callees.some(it => it.userId === userId))
        throw new PushError('user_unknown', `user "${userId}" is no callee of this call`)
      if (hwid !== null) await requireOwn(tx, call, { hwid, userId })
      return { kind, userId, hwid }
    })
    return this.read(key)
  }

  /** Throws `call_unknown` for a call in which the device's user has no such part. What comes too late is an answer. */
  async sayByDevice(key: CallKey, hwid: string, event: CallEvent): Promise<Answered> {
    const { db, clock } = this.#options
    const said = await this.#say(key, (tx, call) => saidBy(tx, call, { hwid, event }))
    if (event === 'ringing' && said === 'taken') await noteRinging(db, key, { hwid, at: clock.now() })
    const call = await readDeviceCall(db, { ...key, hwid, at: clock.now() })
    if (call === undefined) throw callUnknown(key.callId)
    return { taken: said !== 'late', call }
  }

  async #sayForBackEnd(key: CallKey, saying: Saying): Promise<void> {
    if ((await this.#say(key, saying)) !== 'late') return
    const { state } = await this.read(key)
    throw callOver(key.callId, state)
  }

  async #say(key: CallKey, saying: Saying): Promise<Step['said']> {
    const { db, clock, poke, tell, announce } = this.#options
    const { said, changed } = await db.plannedTransaction(async tx => {
      const call = await lockCall(tx, key)
      if (call === undefined) throw callUnknown(key.callId)
      const saidOf = await saying(tx, call)
      const at = clock.now() // by now: whoever held the call may have taken its time
      const next = step(call, saidOf, at)
      await followChanges(tx, call, { step: next, at })
      return {
        said: saidOf.kind === 'tick' && next.changes.length === 0 ? 'taken' : next.said,
        changed: next.changes.length > 0,
      }
    })
    // Also where nothing changed: who looked meanwhile has passed over the call, which was locked.
    tell()
    announce()
    if (changed) poke()
    return said
  }
}

/** What is said of a call, once that is known and locked. */
type Saying = (tx: Transaction, call: StoredCall) => Promise<Said>

async function saidBy(
  tx: Transaction,
  call: StoredCall,
  { hwid, event }: { readonly hwid: string; readonly event: CallEvent },
): Promise<Said> {
  const userId = await readUserOfDevice(tx, { appId: call.appId, hwid })
  const isCaller = userId === call.caller.userId
  const isCallee = call.callees.some(it => it.userId === userId)
  const hasPart = event === 'cancel' ? isCaller : isCallee
  if (userId === null || userId === undefined || !hasPart) throw callUnknown(call.callId)
  await ensureLeg(tx, call, { hwid, userId })
  if (event === 'cancel') return { kind: 'cancel' }
  return event === 'ringing' ? { kind: 'tick' } : { kind: event, userId, hwid }
}

async function requireOwn(
  tx: Transaction,
  call: StoredCall,
  device: { readonly hwid: string; readonly userId: string },
): Promise<void> {
  const userId = await readUserOfDevice(tx, { appId: call.appId, hwid: device.hwid })
  if (userId !== device.userId)
    throw new PushError('device_unknown', `user "${device.userId}" has no device "${device.hwid}"`)
  await ensureLeg(tx, call, device)
}

export function callOver(callId: string, state: string): PushError {
  return new PushError('call_over', `call ${callId} is ${state}`, { values: { state } })
}

/** In the transaction that holds the call: all that follows of what has changed. */
export async function followChanges(
  tx: Transaction,
  call: StoredCall,
  {
    step: { changes, callees },
    at,
  }: { readonly step: Pick<Step, 'changes' | 'callees'>; readonly at: number },
): Promise<void> {
  if (changes.length === 0) return
  const isRinging = callees.some(it => it.state === 'ringing')
  writeChanges(tx, call, { changes, isRinging, at })
  const callState = overallState(callees.map(it => it.state))
  for (const change of changes) {
    const { userId, to: state, by } = change
    const told = toldOf({ ...call, version: call.version + 1 }, { userId, state })
    await endByPush(tx, { key: call, call: told, change, at })
    const data = { callId: call.callId, version: told.version, userId, state, by, callState }
    const event = { appId: call.appId, type: 'call.changed', data, at, orderKey: call.callId } as const
    await recordEvent(tx, event)
  }
  tx.announce('call')
  tx.announce('control')
}
