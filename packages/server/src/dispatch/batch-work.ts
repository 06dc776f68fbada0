/**
 * The work on one batch, from its claim until it is given back: chunk after chunk is read, judged, sent and booked.
 */
import type { AddressPolicy } from '@roost/protocol'
import type { Logger } from 'pino'
import type { Pause } from '../credentials/pauses.ts'
import type { AppSenders, Senders } from '../credentials/senders.ts'
import { readPolicy } from '../hygiene/policy.ts'
import { noteFirstAcceptances } from '../hygiene/results.ts'
import { countUnread } from '../inbox/unread.ts'
import type { Here } from '../live/handover.ts'
import { LIVE_WAIT, type LiveRoad, roadOf } from '../live/road.ts'
import type { ContentRenderer } from '../messages/experiments/render.ts'
import { CONTROL_GROUP, placeOf } from '../messages/experiments/render.ts'
import type { Needs } from '../messages/facts.ts'
import { type Database, isDatabaseAway } from '../store/database.ts'
import type { Clock } from '../time.ts'
import { type DueDelivery, isNamed, type Recipient, readDueDeliveries, readRecipients } from './chunk.ts'
import { type Batch, LeaseLost, type LeaseState, UNBOOKED_MAX } from './lease.ts'
import type { Origins } from './origins.ts'
import { bookChunk } from './outage.ts'
import { closePace, giveBack, type Pace, paceOfMessage, paceOfQuota, takeSlice } from './pace.ts'
import { isForPersons } from './person.ts'
import { judge, type Policy, readPolicyOf } from './policy.ts'
import type { Precedence } from './precedence.ts'
import type { Renderers } from './renderers.ts'
import { batchPauseMs, credentialPauseMs } from './scope.ts'
import { Sending, type Sent } from './sending.ts'
import { type Chunk, expiresAt, firstAcceptancesOf, hasAccepted, type Settlement } from './settle.ts'
import type { Trouble } from './trouble.ts'
import type { Turns } from './turns.ts'
import type { VariantPlaces } from './variants.ts'
import type { Waves } from './waves.ts'

/** What all batches of a process share. */
export interface SendingHouse {
  readonly db: Database
  readonly senders: Senders
  readonly clock: Clock
  readonly logger: Logger
  readonly random: () => number
  readonly trouble: Trouble
  readonly origins: Origins
  readonly waves: Waves
  readonly turns: Turns
  readonly precedence: Precedence
  readonly renderers: Renderers
  /** Undefined as long as, or where, no device can connect to this process. */
  readonly here: () => Here | undefined
  /** The process is to end. */
  readonly stop: AbortSignal
}

/** How a batch is given back. */
export interface Rest {
  readonly notBefore: number
  /** Nothing of the batch can leave before this is over. */
  readonly blocker: Pause | undefined
  /** The pace that has to be open before. */
  readonly pacedBy?: string
}

/** What a gateway refused for the quota of its project waits for that, until its next try, as what the pace itself refuses does. */
function waitOf({ quotaPauseMs }: Step, { quota }: AppSenders): Pick<Rest, 'pacedBy'> {
  return quotaPauseMs > 0 && quota !== undefined ? { pacedBy: quota.name } : {}
}

/** Of named devices: more of them fill a connection of their own, and nobody waits for each. */
const URGENT_MAX = 20

/** What a crash may repeat, and what a commit costs: 500 sends. */
const CHUNK = UNBOOKED_MAX
/** Of a chunk, made and handed to the gateway without a break: some 1 ms. */
const PART = 125

export class BatchWork {
  readonly #house: SendingHouse
  readonly #lease: LeaseState
  readonly #renderer: ContentRenderer
  /** Undefined when it goes by push alone. */
  readonly #live: LiveRoad | undefined
  readonly #needs: Needs
  /** Named devices and users are few, and waited for: they take no turns. */
  readonly #turns: Turns | undefined
  /** As it is after the chunks that are booked. */
  #batch: Batch
  /** A whole chunk of its queue, read with what has to be known first: whoever waits for it waits for one answer less. */
  #readAhead: readonly DueDelivery[] | undefined

  /** Throws TemplateFault for content that createMessage would refuse. */
  constructor(house: SendingHouse, leased: Batch, lease: LeaseState) {
    this.#house = house
    this.#lease = lease
    this.#batch = leased
    this.#renderer = house.renderers.for(leased)
    this.#live = roadOf({ ...house, here: house.here(), batch: leased, renderer: this.#renderer })
    const needs = this.#live?.needs ?? this.#renderer.needs
    this.#needs = { ...needs, user: needs.user || isForPersons(leased, this.#renderer.needs) }
    this.#turns = isNamed(leased) ? undefined : house.turns
  }

  /** Sends chunks until the batch is read through, has to wait, or the process is to stop. Throws LeaseLost. */
  async run(): Promise<Rest> {
    const { clock, db, senders: all, stop } = this.#house
    const [policy, addresses, opened, due] = await Promise.all([
      readPolicyOf(db, this.#batch),
      this.#batch.isRead ? undefined : readPolicy(db, this.#batch.appId),
      all.open(db, this.#batch),
      this.#isReadAhead() ? this.#readDue(CHUNK) : undefined,
    ])
    this.#readAhead = due
    let senders = opened
    while (!stop.aborted) {
      const { pauseOfAll } = senders
      // Expiry wins: a message that is over is told so, whatever its key.
      if (pauseOfAll !== undefined && clock.now() <= expiresAt(this.#batch))
        return { notBefore: clock.now(), blocker: pauseOfAll }
      const step = await this.#step({ senders, policy, addresses })
      if ('blocker' in step) return step
      if (this.#lease.isStopped || step.isOver || step.notBefore > clock.now())
        return { notBefore: step.notBefore, blocker: undefined, ...waitOf(step, senders) }
      senders = await all.open(db, this.#batch)
    }
    return { notBefore: clock.now(), blocker: undefined }
  }

  /** One chunk, as large as its paces let it be. */
  async #step(claimed: Omit<SentBy, 'limit'>): Promise<Step | Rest> {
    const { clock, db } = this.#house
    const { senders } = claimed
    if (this.#turns !== undefined) await this.#house.precedence.giveWay()
    const paces = pacesOf(this.#batch, senders)
    const slice = await takeSlice(db, { paces, wanted: CHUNK, at: clock.now() })
    if (slice.refusedBy !== undefined)
      return { notBefore: slice.notBefore, blocker: undefined, pacedBy: slice.refusedBy }
    const by = { ...claimed, limit: slice.count }
    const { addresses } = claimed
    const step =
      this.#batch.isRead || addresses === undefined
        ? await this.#queueChunk(by)
        : await this.#readChunk({ ...by, addresses })
    await giveBack(db, paces, slice.count - step.sent)
    if (step.quotaPauseMs > 0) await this.#shareQuotaPause(senders, step.quotaPauseMs)
    return step
  }

  async #readChunk(by: SentBy & { readonly addresses: AddressPolicy }): Promise<Step> {
    const { db, clock } = this.#house
    const batch = this.#batch
    const needs = this.#needs
    const { limit, policy, addresses } = by
    const query = { batch, needs, at: clock.now(), limit, policy: addresses }
    const { recipients, looked, cursor, isLast } = await readRecipients(db, query)
    const sent = await this.#sendAll(by, recipients)
    await this.#settle({
      ...sent,
      looked,
      isCounted: needs.badge,
      takesPlaces: policy.isCounted,
      isFromQueue: false,
      places: placesOf(batch, recipients),
      unsure: NOBODY,
      cursor,
      isRead: isLast,
    })
    this.#batch = { ...afterBooking(batch, looked), isRead: isLast, cursor: cursor ?? batch.cursor }
    return this.#stepOf(sent.settlements, isLast)
  }

  async #queueChunk(by: SentBy): Promise<Step> {
    const { clock } = this.#house
    const batch = this.#batch
    const needs = this.#needs
    const due = await this.#takeDue(by.limit)
    if (due.length === 0) return { notBefore: clock.now(), isOver: true, sent: 0, quotaPauseMs: 0 }
    const ended = await this.#live?.settleDue(due)
    const open = ended?.rest ?? due
    const sent = await this.#sendAll(by, open.flatMap(livingOf))
    const settlements = [...sent.settlements, ...open.flatMap(cancelled), ...(ended?.settlements ?? [])]
    await this.#settle({
      ...sent,
      settlements,
      looked: due.length,
      isCounted: needs.badge,
      takesPlaces: by.policy.isCounted,
      isFromQueue: true,
      places: placesOf(batch, due.flatMap(livingOf)),
      unsure: new Set(due.flatMap(it => (it.mayHaveArrived ? [it.hwid] : []))),
      onAir: ended?.onAir,
      cursor: null,
      isRead: true,
    })
    this.#batch = afterBooking(batch, due.length)
    return this.#stepOf(sent.settlements, due.length < by.limit)
  }

  #isReadAhead(): boolean {
    const { isRead, rules } = this.#batch
    return isRead && rules?.sendRate === undefined
  }

  async #takeDue(limit: number): Promise<readonly DueDelivery[]> {
    const ahead = this.#readAhead
    this.#readAhead = undefined
    return ahead !== undefined && ahead.length <= limit ? ahead : this.#readDue(limit)
  }

  #readDue(limit: number): Promise<readonly DueDelivery[]> {
    const { db, clock } = this.#house
    const needs = this.#needs
    return readDueDeliveries(db, { batch: this.#batch, needs, at: clock.now(), limit })
  }

  async #settle(chunk: Omit<Chunk, 'batch' | 'at' | 'random'>): Promise<void> {
    const { db, clock, random, trouble, stop } = this.#house
    const batch = this.#batch
    await this.#turns?.take([() => undefined])
    const booked = { batch, ...chunk, at: clock.now(), random }
    const fail = (error: unknown) => isDatabaseAway(error) && trouble.tellAway(error)
    await bookChunk(db, booked, { signal: stop, fail })
    await this.#noteFirst(booked)
    trouble.tellUnreached(batch.provider, chunk.settlements)
  }

  /** All is booked by then, and what is lost here the next acceptance notes. */
  async #noteFirst({ settlements, at }: Pick<Chunk, 'settlements' | 'at'>): Promise<void> {
    const { db, logger } = this.#house
    try {
      await noteFirstAcceptances(db, firstAcceptancesOf(this.#batch.appId, settlements), at)
    } catch (error) {
      logger.warn({ err: error }, 'first acceptances could not be noted')
    }
  }

  /** What one worker is told of a project's quota holds for all of them. */
  async #shareQuotaPause({ quota }: AppSenders, pauseMs: number): Promise<void> {
    if (quota === undefined) return
    const { db, clock } = this.#house
    const at = clock.now()
    await closePace(db, paceOfQuota(quota.name, quota.perMinute), { at, until: at + pauseMs })
  }

  async #sendAll({ policy, senders }: SentBy, read: readonly Recipient[]): Promise<Sent> {
    const { db, clock } = this.#house
    const batch = this.#batch
    const lease = this.#lease
    const { wanted, control } = parted(batch, read)
    const judged = await judge(db, { batch, policy, recipients: wanted, at: clock.now() })
    const isAsked = this.#renderer.needs.unread
    const known = isAsked ? await this.#withUnread(judged.sendTo) : judged.sendTo
    const isUrgent = isNamed(batch) && known.length <= URGENT_MAX
    const road = await this.#live?.take(known)
    const rest = road?.rest ?? known
    const byPush = road === undefined ? rest : rest.filter(it => it.unreachable === undefined)
    const sending = new Sending({ ...this.#house, batch, senders, renderer: this.#renderer, lease, isUrgent })
    const trying = inParts(byPush, this.#turns, it => sending.sendOne(it))
    this.#house.precedence.end(batch.messageId)
    const [tried, live = []] = await Promise.all([trying, road?.settlements])
    if (lease.isLost) throw new LeaseLost(batch.id)
    const sent = sending.finish(tried)
    const alone = road === undefined ? [] : rest.flatMap(unreachable)
    const others = [...judged.settlements, ...control, ...live, ...alone]
    return others.length === 0 ? sent : { ...sent, settlements: [...sent.settlements, ...others] }
  }

  /** One query for the chunk; entries of this message count as far as they are in the inbox by now. */
  async #withUnread(recipients: readonly Recipient[]): Promise<Recipient[]> {
    const { db, clock } = this.#house
    const { appId } = this.#batch
    const unread = await countUnread(db, { appId, hwids: recipients.map(it => it.hwid), at: clock.now() })
    return recipients.map(it => ({ ...it, facts: { ...it.facts, unread: unread.get(it.hwid) ?? 0 } }))
  }

  #stepOf(settlements: readonly Settlement[], isOver: boolean): Step {
    return {
      notBefore: this.#waitFor(settlements),
      isOver,
      sent: sentOf(settlements),
      quotaPauseMs: quotaPauseOf(settlements),
    }
  }

  /** When the batch as a whole has to wait: until whatever of its outcomes asks for most. */
  #waitFor(settlements: readonly Settlement[]): number {
    const place = { provider: this.#batch.provider, tookSome: hasAccepted(settlements) }
    const pauses = settlements.map(it => (it.kind === 'sent' ? batchPauseMs(it.outcome, place) : 0))
    return this.#house.clock.now() + Math.max(0, ...pauses)
  }
}

interface SentBy {
  readonly senders: AppSenders
  readonly policy: Policy
  /** R15: whether those are sent to that have been silent for long; asked of devices that are read, not of those that are named. */
  readonly addresses: AddressPolicy | undefined
  /** Of deliveries of a chunk. */
  readonly limit: number
}

interface Step {
  readonly notBefore: number
  readonly isOver: boolean
  /** Of its deliveries those that a gateway was asked to take, or that went over the live channel. */
  readonly sent: number
  /** For which the credential is not to be used, by its gateway's word; 0 = it said nothing of the kind. */
  readonly quotaPauseMs: number
}

function afterBooking(batch: Batch, looked: number): Batch {
  return { ...batch, doubtful: Math.max(0, batch.doubtful - looked), bookings: batch.bookings + 1 }
}

const NOBODY: ReadonlySet<string> = new Set()

/** Of a step, without what frames have come to that were sent in one before. */
function sentOf(settlements: readonly Settlement[]): number {
  return settlements.filter(
    it => it.kind === 'sent' || it.kind === 'live' || (it.kind === 'deferred' && it.reason === LIVE_WAIT),
  ).length
}

function quotaPauseOf(settlements: readonly Settlement[]): number {
  return Math.max(0, ...settlements.map(it => (it.kind === 'sent' ? credentialPauseMs(it.outcome) : 0)))
}

/** The control group gets nothing, and takes no place of a cap. */
function parted(
  { experiment }: Batch,
  recipients: readonly Recipient[],
): { readonly wanted: readonly Recipient[]; readonly control: readonly Settlement[] } {
  if (experiment?.asked.controlPercent === undefined) return { wanted: recipients, control: [] }
  const isControl = (it: Recipient) => placeOf(experiment, it) === 'control'
  return {
    wanted: recipients.filter(it => !isControl(it)),
    control: recipients.filter(isControl).map(({ bucket, hwid, attempt }) => ({
      kind: 'skipped' as const,
      bucket,
      hwid,
      attempt,
      reason: CONTROL_GROUP,
    })),
  }
}

/** The control group comes after the rest. */
function placesOf({ experiment }: Batch, recipients: readonly Recipient[]): VariantPlaces | null {
  if (experiment === null) return null
  const control = experiment.asked.variants.length + 1
  return new Map(
    recipients.map(it => {
      const place = placeOf(experiment, it)
      return [it.hwid, place === 'control' ? control : place]
    }),
  )
}

function pacesOf({ messageId, rules }: Batch, { quota }: AppSenders): Pace[] {
  const { sendRate } = rules ?? {}
  return [
    ...(sendRate === undefined ? [] : [paceOfMessage(messageId, sendRate)]),
    ...(quota === undefined ? [] : [paceOfQuota(quota.name, quota.perMinute)]),
  ]
}

function livingOf({ recipient }: DueDelivery): Recipient[] {
  return recipient === null ? [] : [recipient]
}

/** Not connected, and it has no other road. */
function unreachable({ bucket, hwid, attempt, unreachable: reason }: Recipient): Settlement[] {
  return reason === undefined ? [] : [{ kind: 'skipped', bucket, hwid, attempt, reason }]
}

function cancelled(due: DueDelivery): Settlement[] {
  if (due.recipient !== null) return []
  const { bucket, hwid, attempt, reason } = due
  return [{ kind: 'skipped', bucket, hwid, attempt, reason }]
}

/**
 * All at once, so that they leave in a few large writes, but each part of them in a turn of its own. The transport has its
 * own limits below this. Results in the order of the items; rejects when all have come to their end.
 */
async function inParts<In, Out>(
  items: readonly In[],
  turns: Turns | undefined,
  each: (item: In) => Promise<Out>,
): Promise<Out[]> {
  const running: Promise<Out>[] = []
  const begin = (part: readonly In[]) => () => {
    const begun = part.map(each)
    running.push(...begun)
    const whole = Promise.all(begun)
    whole.catch(() => undefined) // it is told below, when the other parts have begun
    return whole
  }
  const pieces = partsOf(items).map(begin)
  const parts = turns === undefined ? pieces.map(piece => piece()) : await turns.take(pieces)
  try {
    return (await Promise.all(parts)).flat()
  } catch (error) {
    await Promise.allSettled(running)
    throw error
  }
}

function partsOf<Item>(items: readonly Item[]): Item[][] {
  const count = Math.ceil(items.length / PART)
  return Array.from({ length: count }, (_, i) => items.slice(i * PART, (i + 1) * PART))
}
