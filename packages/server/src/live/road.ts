/**
 * The road of a message: for each delivery of a chunk, whether it goes over the live channel, by push, or by both. A delivery that waits
 * for its acknowledgement lies in the queue like any other that waits, so a crash, a pause and a cancel find it there; when its time is
 * over the frame is withdrawn and the push follows, with the same id.
 */

import type { Notification } from '@roost/gateways'
import { type LiveNotification, PUSH_AFTER_SECONDS_DEFAULT } from '@roost/protocol'
import type { Logger } from 'pino'
import { type DueDelivery, isNamed, type Recipient } from '../dispatch/chunk.ts'
import type { Batch } from '../dispatch/lease.ts'
import { deliveryHash, deliveryIdOf } from '../dispatch/sending.ts'
import { expiresAt, type Settlement } from '../dispatch/settle.ts'
import type { ContentRenderer } from '../messages/experiments/render.ts'
import type { Needs } from '../messages/facts.ts'
import type { Database } from '../store/database.ts'
import type { Clock } from '../time.ts'
import {
  type FrameState,
  findConnected,
  makeFrames,
  type NewFrame,
  readFrames,
  withdrawFrames,
} from './frames.ts'
import { type FrameForHere, Handover, type Here } from './handover.ts'
import { type LiveRoute, liveRouteOf, STATES_OF_ROUTE } from './routed.ts'

/** Why a delivery waits whose frame is not acknowledged yet. */
export const LIVE_WAIT = 'live_channel'
export const NOT_ONLINE = 'not_online'

/** Named devices; more of them are asked first who is connected, and rendered for those alone. */
const ASKED_AT_ONCE = 20
const NO_FRAMES: ReadonlyMap<string, FrameState> = new Map()

export interface RoadOptions {
  readonly db: Database
  readonly clock: Clock
  /** Undefined where no device can connect to this process. */
  readonly here: Here | undefined
  readonly batch: Batch
  readonly logger: Logger
  /** The process is to end. */
  readonly stop: AbortSignal
  readonly renderer: ContentRenderer
}

export interface Parted<Item> {
  readonly settlements: readonly Settlement[]
  /** They go on by push. */
  readonly rest: readonly Item[]
}

interface Taken extends Pick<Parted<Recipient>, 'rest'> {
  /** Once those who were handed something have answered, or take too long. */
  readonly settlements: Promise<readonly Settlement[]>
}

const NOBODY: ReadonlySet<string> = new Set()

/** Undefined for messages that go by push alone. */
export function roadOf(options: RoadOptions): LiveRoad | undefined {
  const route = liveRouteOf(options.batch.rules)
  return route === undefined ? undefined : new LiveRoad(options, route)
}

export class LiveRoad {
  readonly #options: RoadOptions
  readonly #route: LiveRoute

  constructor(options: RoadOptions, route: LiveRoute) {
    this.#options = options
    this.#route = route
  }

  /** A frame is for whoever is logged in when its delivery is read. */
  get needs(): Needs {
    return { ...this.#options.renderer.needs, user: true }
  }

  /** What became of frames that deliveries have waited for, whatever became of their devices. `onAir`: the frame may have arrived. */
  async settleDue(
    due: readonly DueDelivery[],
  ): Promise<Parted<DueDelivery> & { readonly onAir: ReadonlySet<string> }> {
    const { db, batch } = this.#options
    // Of one that a worker was lost with there may be a frame all the same, and whoever is sent to finds it.
    const touched = due.filter(it => !it.isUntouched || it.recipient === null || batch.doubtful > 0)
    if (touched.length === 0) return { settlements: [], rest: due, onAir: NOBODY }
    const frames = { messageId: batch.messageId, devices: touched }
    const withdrawn = { ...frames, at: this.#options.clock.now() }
    if (this.#route !== 'both') await db.plannedTransaction(tx => withdrawFrames(tx, withdrawn))
    const states = await readFrames(db, frames)
    const settlements = touched.flatMap(it => this.#ended(it, states.get(it.hwid)) ?? [])
    const ended = new Set(settlements.map(it => it.hwid))
    const onAir = new Set([...states.keys()].filter(it => !ended.has(it)))
    return { settlements, rest: due.filter(it => !ended.has(it.hwid)), onAir }
  }

  /** Those who are connected here are handed theirs; of others who are connected a frame is made, unless they have one. */
  async take(recipients: readonly Recipient[]): Promise<Taken> {
    if (recipients.length === 0) return { settlements: Promise.resolve([]), rest: recipients }
    const handover = this.#handover(recipients.length)
    const handed = (await handover?.give(this.#framesForHere(recipients))) ?? NOBODY
    const others = handed.size === 0 ? recipients : recipients.filter(it => !handed.has(it.hwid))
    const settling = handed.size === 0 ? undefined : handover?.settle()
    const states = others.length === 0 ? NO_FRAMES : await this.#make(others)
    const settlements: Settlement[] = []
    const rest: Recipient[] = []
    for (const recipient of others) {
      const settlement = this.#settle(recipient, states.get(recipient.hwid))
      if (settlement === undefined) rest.push(recipient)
      else settlements.push(settlement)
    }
    return { rest, settlements: this.#withHanded(settlements, recipients, settling) }
  }

  async #withHanded(
    settlements: readonly Settlement[],
    recipients: readonly Recipient[],
    settling: Promise<ReadonlyMap<string, FrameState>> | undefined,
  ): Promise<readonly Settlement[]> {
    const states = await settling
    if (states === undefined) return settlements
    const handed = recipients.filter(it => states.has(it.hwid))
    return [...settlements, ...handed.flatMap(it => this.#settle(it, states.get(it.hwid)) ?? [])]
  }

  /** What goes by both roads is not settled by the one, so its frames are rows before. */
  #handover(devices: number): Handover | undefined {
    const { here, db, clock, batch, stop, logger } = this.#options
    const at = clock.now()
    const over = expiresAt(batch)
    if (here === undefined || this.#route === 'both' || at >= over) return undefined
    const { appId, messageId } = batch
    const isUrgent = isNamed(batch) && devices <= ASKED_AT_ONCE
    const states = STATES_OF_ROUTE[this.#route]
    const known = { db, here, clock, stop, appId, messageId, states, at, expiresAt: over, isUrgent }
    return new Handover({ ...known, onError: error => logger.warn({ err: error }, 'frames are not kept') })
  }

  #framesForHere(recipients: readonly Recipient[]): FrameForHere[] {
    const { here, batch } = this.#options
    if (here === undefined) return []
    return recipients.flatMap(it => {
      const channel = here.find({ appId: batch.appId, hwid: it.hwid })
      return channel === undefined ? [] : this.#frameFor(it).map(frame => ({ ...frame, channel }))
    })
  }

  /** States of all that have a frame then. Of few, and they are waited for, nobody asks first who is connected. */
  async #make(recipients: readonly Recipient[]): Promise<ReadonlyMap<string, FrameState>> {
    const { db, clock, batch } = this.#options
    const { appId, messageId } = batch
    const at = clock.now()
    const over = expiresAt(batch)
    const states = STATES_OF_ROUTE[this.#route]
    const known = () => readFrames(db, { messageId, devices: recipients })
    if (at >= over) return known()
    const isFew = recipients.length <= ASKED_AT_ONCE
    const [before, connected] = isFew
      ? [NO_FRAMES, undefined]
      : await Promise.all([
          known(),
          findConnected(db, { appId, devices: recipients.map(candidateOf), states }),
        ])
    const wanted = recipients.filter(it => !before.has(it.hwid) && (connected?.has(it.hwid) ?? true))
    const frames = wanted.flatMap(it => this.#frameFor(it))
    if (frames.length === 0) return isFew ? known() : before
    const made = await db.plannedTransaction(async tx => {
      const after = await makeFrames(tx, { appId, messageId, frames, states, at, expiresAt: over })
      if (after.size > 0) tx.announce('live')
      return after
    })
    return new Map([...before, ...made])
  }

  /** What can't be rendered is left to the push, which says why. */
  #frameFor(recipient: Recipient): NewFrame[] {
    const rendered = this.#options.renderer.notificationFor(recipient)
    if (rendered.kind !== 'notification') return []
    const deliveryId = deliveryIdOf(this.#hashOf(recipient))
    return [{ ...candidateOf(recipient), deliveryId, notification: shownOf(rendered.notification) }]
  }

  #settle(recipient: Recipient, state: FrameState | undefined): Settlement | undefined {
    const ended = this.#ended(recipient, state)
    if (ended !== undefined) return ended
    const { bucket, hwid, attempt } = recipient
    if (state === 'unacknowledged' && this.#route !== 'both')
      return { kind: 'deferred', bucket, hwid, attempt, dueAt: this.#waitUntil(), reason: LIVE_WAIT }
    if (this.#route === 'online-only') return { kind: 'skipped', bucket, hwid, attempt, reason: NOT_ONLINE }
    return undefined
  }

  /** Undefined when its frame says nothing yet, or when a push is to follow. */
  #ended(
    { bucket, hwid, attempt }: Pick<Recipient, 'bucket' | 'hwid' | 'attempt'>,
    state: FrameState | undefined,
  ): Settlement | undefined {
    const isAcknowledged = state === 'acknowledged'
    if (!isAcknowledged && !(state === 'withdrawn' && this.#route === 'online-only')) return undefined
    return { kind: 'live', bucket, hwid, attempt, hash: this.#hashOf({ hwid }), isAcknowledged }
  }

  #hashOf({ hwid }: Pick<Recipient, 'hwid'>): string {
    return deliveryHash(this.#options.batch.messageId, hwid)
  }

  #waitUntil(): number {
    const { clock, batch } = this.#options
    const seconds = batch.rules?.pushAfterSeconds ?? PUSH_AFTER_SECONDS_DEFAULT
    return Math.min(clock.now() + seconds * 1000, expiresAt(batch))
  }
}

function candidateOf({ bucket, hwid, facts }: Recipient): {
  bucket: number
  hwid: string
  userId: string | null
} {
  const id = facts?.user?.id
  return { bucket, hwid, userId: typeof id === 'string' ? id : null }
}

function shownOf(notification: Notification): LiveNotification {
  const { title, subtitle, body, imageUrl, iconUrl, url, sound, badge, category, data, buttons } =
    notification
  return {
    hash: notification.hash,
    ...(title !== undefined && { title }),
    ...(subtitle !== undefined && { subtitle }),
    ...(body !== undefined && { body }),
    ...(imageUrl !== undefined && { image: imageUrl }),
    ...(iconUrl !== undefined && { icon: iconUrl }),
    ...(url !== undefined && { url }),
    ...(sound !== undefined && { sound }),
    ...(badge !== undefined && { badge }),
    ...(category !== undefined && { category }),
    ...(data !== undefined && { data }),
    ...(buttons !== undefined && { buttons }),
    ...(notification.collapseKey !== undefined && { collapseKey: notification.collapseKey }),
  }
}
