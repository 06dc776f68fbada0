/**
 * The pushes of a call: messages to the devices of one callee, planned in the transaction of what they tell of, so that they leave when it
 * has happened and never before, and are retried, counted and traced like any other.
 */
import type { GatewayName } from '@roost/gateways'
import { type Content, type NewMessage, PushError } from '@roost/protocol'
import { planAtOnce, planKnown } from '../dispatch/plan.ts'
import { createMessage, createUnwaited, gatewaysOf } from '../messages/create.ts'
import { findContentFault, GATEWAYS } from '../messages/sizes.ts'
import type { Queryable, Transaction } from '../store/database.ts'
import {
  CALL_MESSAGE,
  collapseKeyOf,
  missedContent,
  overContent,
  ringingContent,
  type ToldCall,
  voipContent,
} from './content.ts'
import { readLegsToEnd } from './legs.ts'
import { type Change, deviceState } from './state.ts'
import type { CallKey } from './store.ts'

/** A call that was missed is news for a day. */
const MISSED_TTL_SECONDS = 24 * 3600
/** What rings on a screen is replaced though the ring time is nearly over. */
const SHORTEST_TTL_SECONDS = 10

interface Push {
  readonly appId: number
  readonly call: ToldCall
  readonly to: NewMessage['to']
  readonly content: Content
  readonly ttlSeconds: number
  readonly kind: 'alert' | 'voip'
  readonly at: number
  /** Of the devices that it is for, by hwid; absent: they are looked up. */
  readonly gateways?: ReadonlyMap<string, string>
  /** See `Ring`. */
  readonly isChecked?: boolean | undefined
}

async function push(
  tx: Transaction,
  { appId, call, to, content, ttlSeconds, kind, at, gateways, isChecked = false }: Push,
): Promise<string> {
  const input: NewMessage = { ...CALL_MESSAGE, to, content, ttlSeconds, collapseKey: collapseKeyOf(call) }
  const creation = { appId, input, at }
  const id = isChecked ? createUnwaited(tx, creation) : (await createMessage(tx, creation)).id
  tx.send('update message set call_id = $2, only_user = $3, address_kind = $4 where id = $1', [
    id,
    call.id,
    call.userId,
    kind,
  ])
  const made = { id, appId, input, at, addressKind: kind }
  if (gateways === undefined) await planAtOnce(tx, made)
  else planKnown(tx, made, gateways)
  return id
}

/** A device that is to be rung by push. */
export interface RungDevice {
  readonly hwid: string
  readonly road: string
  readonly gateway: string
}

export interface Ring {
  readonly appId: number
  readonly call: ToldCall
  readonly devices: readonly RungDevice[]
  readonly at: number
  /** The call is sendable (`requireSendable`), and nobody can archive its app before the transaction ends. Default: all that is looked at. */
  readonly isChecked?: boolean
}

/** Of one callee; returns the messages. Throws `message_too_large`. */
export async function ringByPush(
  tx: Transaction,
  { appId, call, devices, at, isChecked }: Ring,
): Promise<string[]> {
  const ttlSeconds = Math.max(1, Math.ceil((call.ringUntil - at) / 1000))
  const ring = async (road: string, content: Content, kind: Push['kind']) => {
    const gateways = new Map(
      devices.flatMap(it => (it.road === road ? [[it.hwid, it.gateway] as const] : [])),
    )
    if (gateways.size === 0) return []
    const given = {
      appId,
      call,
      to: { devices: [...gateways.keys()] },
      content,
      ttlSeconds,
      kind,
      at,
      gateways,
      isChecked,
    }
    return [await push(tx, given)]
  }
  // One behind the other, without waiting for the first answer; nothing may be on its way any more when this fails.
  const rung = await Promise.allSettled([
    ring('voip', voipContent(call), 'voip'),
    ring('push', ringingContent(call), 'alert'),
  ])
  return rung.flatMap(it => {
    if (it.status === 'rejected') throw it.reason
    return it.value
  })
}

/**
 * For what has to happen whether or not it can be pushed: an app that was archived meanwhile, or has another gateway by now, sends nothing,
 * and its calls end all the same.
 */
export function unlessRefused(error: unknown): void {
  if (!(error instanceof PushError)) throw error
}

/** Longer than any that a call comes to. */
const WORST = { state: 'timed_out', version: 999_999 } as const

/** Told while somebody can do something about it, and not when the call ends. Throws `message_too_large`, `input_invalid`. */
export async function requireSendable(tx: Queryable, appId: number, call: ToldCall): Promise<void> {
  const fault = findFault(call, GATEWAYS)
  // Nearly all fit everywhere: to ask which gateways the app has costs an answer of the database.
  if (fault === undefined) return
  const own = findFault(call, await gatewaysOf(tx, appId))
  if (own !== undefined) throw own
}

function findFault(call: ToldCall, gateways: readonly GatewayName[]): PushError | undefined {
  const over = { ...call, ...WORST }
  const rendering = (content: Content) => ({
    messageId: call.id,
    content,
    ttlSeconds: MISSED_TTL_SECONDS,
    priority: 'high' as const,
    collapseKey: collapseKeyOf(call),
  })
  const shown = [ringingContent(call), missedContent(over), overContent(over, 'answered')]
  for (const content of shown) {
    const fault = findContentFault(rendering(content), gateways)
    if (fault !== undefined) return fault
  }
  return findContentFault(
    rendering(voipContent(call)),
    gateways.filter(it => it === 'apns'),
  )
}

export interface Over {
  readonly key: CallKey
  /** As it is by now, but for its state, which is that of the change. */
  readonly call: Omit<ToldCall, 'state'>
  readonly change: Change
  readonly at: number
}

/** What rings is replaced, and what was to ring is not sent any more. Never fails for what can't be pushed. */
export async function endByPush(tx: Transaction, over: Over): Promise<void> {
  const { key, change, at } = over
  // Whoever has answered is told of it otherwise: it is an app that is open.
  const call = { ...over.call, state: deviceState(change.to, false) }
  const { appId } = key
  const tell = async (given: Push) => {
    await push(tx, given).catch(unlessRefused)
  }
  tx.send(
    `update message set state = 'cancelled' where app_id = $1 and call_id = $2 and only_user = $3 and state in ('sending', 'paused')`,
    [appId, call.id, call.userId],
  )
  const legs = (await readLegsToEnd(tx, key, call.userId)).filter(it => it.hwid !== change.by)
  const hwidsOf = (road: 'voip' | 'push') => legs.flatMap(it => (it.road === road ? [it.hwid] : []))
  const left = Math.ceil((call.ringUntil - at) / 1000)
  const soon = { appId, call, ttlSeconds: Math.max(SHORTEST_TTL_SECONDS, left), at }
  const voip = hwidsOf('voip')
  // Of its end by time a phone knows itself: PushKit would have it report another call for nothing.
  if (voip.length > 0 && change.to !== 'timed_out')
    await tell({ ...soon, to: { devices: voip }, content: voipContent(call), kind: 'voip' })
  const { aftermath } = change
  if (aftermath === 'missed') {
    const missed = { appId, call, ttlSeconds: MISSED_TTL_SECONDS, at }
    return tell({ ...missed, to: { users: [call.userId] }, content: missedContent(call), kind: 'alert' })
  }
  const alert = hwidsOf('push')
  if (alert.length > 0)
    await tell({ ...soon, to: { devices: alert }, content: overContent(call, aftermath), kind: 'alert' })
}
