/**
 * Handing over: what is for devices that are connected to the process that dispatches it goes to them at once, before it is a row. Most
 * acknowledge within a moment, and of those one row is written that says so; of the others the frame is kept then, as any that waits.
 *
 *   locked ──written to its socket──▶ handed over ──acknowledged, or patience is over──▶ kept (live_frame)
 *
 * A crash in between loses nothing: the batch goes to the next worker, which hands over with the same id, and a device shows that once.
 * Until a frame is kept its device is not told that its acknowledgement has come, and says it again when it comes again.
 */
import { throughOutage } from '../dispatch/outage.ts'
import { type Database, type Queryable, type Transaction, WITHOUT_FLUSH } from '../store/database.ts'
import type { Clock } from '../time.ts'
import type { Channel } from './channel.ts'
import {
  arraysOf,
  type FrameState,
  type FrameToSend,
  type NewFrame,
  type SentKey,
  type Unkept,
} from './frames.ts'
import type { Place } from './presence.ts'

/** The devices that are connected to this process. */
export interface Here {
  /** Its id. */
  readonly server: string
  /** How long acknowledgements of a campaign are waited for, ms. */
  readonly patienceMs: number
  find(place: Place): Channel | undefined
  /**
   * Writes, and does not wait. False when it can't be sent. R25: as long as this is called nobody else can log in on the device.
   */
  hand(channel: Channel, frame: FrameToHand, key: SentKey): boolean
}

/** Of a device that is connected here. */
export interface FrameForHere extends NewFrame {
  readonly channel: Channel
}

/** Its user is logged in there. */
export type FrameToHand = Omit<FrameToSend, 'deviceUserId'>

export interface HandoverOptions {
  readonly db: Database
  readonly here: Here
  readonly appId: number
  readonly messageId: string
  /** Presence in which devices are sent to. */
  readonly states: readonly string[]
  /** ms. */
  readonly at: number
  readonly expiresAt: number
  /** Somebody waits for each of them: their frames are kept at once, and no acknowledgement is waited for. */
  readonly isUrgent: boolean
  readonly clock: Clock
  /** The process is to end: no database is waited for any more. */
  readonly stop: AbortSignal
  /** Of what could not be kept. */
  readonly onError: (error: unknown) => void
}

/** A frame that was written to its socket. */
class Handed implements Unkept {
  readonly seq: number
  readonly session: string
  readonly kept: Promise<boolean>
  /** ms. */
  acknowledgedAt: number | undefined
  isKeptAcknowledged = false
  readonly #handover: Together
  #isAnswered = false

  constructor(seq: number, session: string, handover: Together) {
    this.seq = seq
    this.session = session
    this.kept = handover.kept
    this.#handover = handover
  }

  acknowledge(): void {
    this.acknowledgedAt ??= this.#handover.now()
    this.#answer()
  }

  /** Its connection has ended: nobody has to wait for it. */
  giveUp(): void {
    this.#answer()
  }

  #answer(): void {
    if (this.#isAnswered) return
    this.#isAnswered = true
    this.#handover.onAnswered()
  }
}

/** What all frames of a handover share. */
interface Together {
  readonly kept: Promise<boolean>
  readonly now: () => number
  readonly onAnswered: () => void
}

interface Given {
  readonly frame: FrameForHere
  readonly handed: Handed
}

export class Handover {
  readonly #options: HandoverOptions
  readonly #together: Together
  #given: readonly Given[] = []
  #unanswered = 0
  #isKept = false
  #endPatience: () => void = () => undefined
  #tellKept: (areKept: boolean) => void = () => undefined

  constructor(options: HandoverOptions) {
    this.#options = options
    const kept = new Promise<boolean>(resolve => {
      this.#tellKept = resolve
    })
    const onAnswered = () => {
      if (--this.#unanswered === 0) this.#endPatience()
    }
    this.#together = { kept, now: () => options.clock.now(), onAnswered }
  }

  /**
   * Devices of the frames that were handed over; the others have to be sent to by another road. Throws only where nothing was handed over:
   * what is on its way is not given up for a commit that fails, and `settle` keeps it.
   */
  async give(frames: readonly FrameForHere[]): Promise<ReadonlySet<string>> {
    const { db, isUrgent } = this.#options
    if (frames.length === 0) return new Set()
    const handOver = async (tx: Transaction) => {
      if (this.#given.length > 0) return false // the transaction is repeated, and the frames are out
      tx.send(WITHOUT_FLUSH)
      this.#hand(frames, await lockConnected(tx, this.#options, frames))
      if (isUrgent && this.#given.length > 0) await this.#keep(tx)
      return isUrgent
    }
    try {
      this.#isKept = await db.plannedTransaction(handOver)
    } catch (error) {
      if (this.#given.length === 0) throw error
    }
    if (this.#isKept) this.#tellKept(true)
    return new Set(this.#given.map(it => it.frame.hwid))
  }

  /**
   * What has become of them, by hwid, once it is stored. Never rejects: what was sent beside them has to be booked. What could not be kept
   * and is not acknowledged waits without a frame, and is handed over again with the same id.
   */
  async settle(): Promise<ReadonlyMap<string, FrameState>> {
    if (!this.#isKept) this.#tellKept(await this.#keepAnswered())
    const states = new Map(this.#given.map(({ frame, handed }) => [frame.hwid, stateOf(handed)]))
    this.#given = [] // a connection remembers what it has not acknowledged, and should not hold all of a chunk with it
    return states
  }

  #hand(frames: readonly FrameForHere[], seqs: ReadonlyMap<string, number>): void {
    const { here, appId, messageId } = this.#options
    const given: Given[] = []
    for (const frame of frames) {
      const { bucket, hwid, userId, deliveryId, notification, channel } = frame
      const seq = seqs.get(hwid)
      if (seq === undefined) continue
      const handed = new Handed(seq, channel.member?.session ?? '', this.#together)
      const toHand = { appId, bucket, hwid, messageId, seq, userId, deliveryId, notification }
      if (here.hand(channel, toHand, { bucket, hwid, messageId, unkept: handed }))
        given.push({ frame, handed })
    }
    this.#given = given
    this.#unanswered = given.length
  }

  async #keepAnswered(): Promise<boolean> {
    const { db, isUrgent, stop, onError } = this.#options
    if (!isUrgent) await this.#bePatient()
    try {
      await throughOutage(() => db.plannedTransaction(tx => this.#keepLate(tx)), stop)
      return true
    } catch (error) {
      onError(error)
      return false
    }
  }

  async #bePatient(): Promise<void> {
    const { patienceMs } = this.#options.here
    if (this.#unanswered === 0) return
    await new Promise<void>(resolve => {
      const end = setTimeout(resolve, patienceMs)
      this.#endPatience = () => {
        clearTimeout(end)
        resolve()
      }
    })
  }

  /** Who has connected again meanwhile did so before this lock, and its frame is sent again, or finds its frame afterwards. */
  async #keepLate(tx: Transaction): Promise<void> {
    const late = this.#given.filter(it => it.handed.acknowledgedAt === undefined)
    if (late.length > 0)
      await lockDevices(
        tx,
        this.#options,
        late.map(it => it.frame),
      )
    await this.#keep(tx)
  }

  /** Flushed, where one is told afterwards that its acknowledgement has come. */
  async #keep(tx: Transaction): Promise<void> {
    for (const { handed } of this.#given) handed.isKeptAcknowledged = handed.acknowledgedAt !== undefined
    await keepFrames(tx, this.#options, this.#given)
    if (this.#given.some(it => !it.handed.isKeptAcknowledged)) tx.announce('live') // one may have connected again
  }
}

function stateOf({ acknowledgedAt }: Handed): FrameState {
  return acknowledgedAt === undefined ? 'unacknowledged' : 'acknowledged'
}

/**
 * Of those who are connected to this process as the user whom the message is for, numbers for their frames. Nobody can log in there
 * before the transaction ends. Left out are who has a frame of the message, who has frames that wait to be sent, since those come first, and
 * whose device is just being changed: nothing waits for that here.
 */
const LOCK = `
  with here as materialized (
    select i.hwid
      from unnest($2::smallint[], $3::text[], $4::text[]) as i (bucket, hwid, user_id)
      join live_presence p on p.bucket = i.bucket and p.app_id = $1 and p.hwid = i.hwid
                          and p.server = $5 and p.state = any($6::text[]) and p.user_id is not distinct from i.user_id
      join device d on d.bucket = i.bucket and d.app_id = $1 and d.hwid = i.hwid and d.user_id is not distinct from i.user_id
     where exists (select from message m where m.id = $7 and m.state in ('sending', 'done'))
       and not exists (select from message r where r.recall_of = $7) -- it would be shown after it was taken back
       and not exists (select from live_frame f where f.bucket = i.bucket and f.message_id = $7 and f.hwid = i.hwid)
       and not exists (
         select from live_frame f where f.bucket = i.bucket and f.app_id = $1 and f.hwid = i.hwid
                                    and f.notification is not null and f.sent_at is null)
     order by i.bucket, i.hwid collate "C" -- as devices are locked everywhere
       for share of d skip locked
  )
  select hwid, nextval('live_frame_seq_seq') as seq from here`

async function lockConnected(
  tx: Queryable,
  { here, appId, messageId, states }: HandoverOptions,
  frames: readonly NewFrame[],
): Promise<ReadonlyMap<string, number>> {
  const { rows } = await tx.query<{ hwid: string; seq: number }>(LOCK, [
    appId,
    ...arraysOf(frames),
    here.server,
    states,
    messageId,
  ])
  return new Map(rows.map(it => [it.hwid, it.seq]))
}

async function lockDevices(
  tx: Queryable,
  { appId }: HandoverOptions,
  frames: readonly NewFrame[],
): Promise<void> {
  await tx.query(
    `select from unnest($2::smallint[], $3::text[]) as i (bucket, hwid)
       join device d on d.bucket = i.bucket and d.app_id = $1 and d.hwid = i.hwid
      order by i.bucket, i.hwid collate "C" for share of d`,
    [appId, frames.map(it => it.bucket), frames.map(it => it.hwid)],
  )
}

/**
 * A connection that has come after the one it was written to gets it anew. Where another worker has kept one of the same delivery, an
 * acknowledgement counts for that.
 */
const KEEP = `
  insert into live_frame (bucket, message_id, hwid, app_id, user_id, seq, delivery_id, notification, made_at, expires_at,
                          server, sent_at, acked_at)
  overriding system value
  select i.bucket, $2, i.hwid, $1, i.user_id, i.seq, i.id, i.notification, $3, $4, p.server,
         case when i.acked_at is not null or p.session = i.session then $3::timestamptz end, i.acked_at
    from unnest($5::smallint[], $6::text[], $7::text[], $8::bigint[], $9::uuid[], $10::jsonb[], $11::uuid[], $12::timestamptz[])
           as i (bucket, hwid, user_id, seq, id, notification, session, acked_at)
    left join live_presence p on i.acked_at is null and p.bucket = i.bucket and p.app_id = $1 and p.hwid = i.hwid
   order by i.bucket, i.hwid collate "C"
      on conflict (bucket, message_id, hwid) do update
     set acked_at = coalesce(live_frame.acked_at, excluded.acked_at), notification = null
   where excluded.acked_at is not null`

async function keepFrames(
  tx: Queryable,
  { appId, messageId, at, expiresAt }: HandoverOptions,
  given: readonly Given[],
): Promise<void> {
  await tx.query(KEEP, [
    appId,
    messageId,
    new Date(at),
    new Date(expiresAt),
    given.map(it => it.frame.bucket),
    given.map(it => it.frame.hwid),
    given.map(it => it.frame.userId),
    given.map(it => it.handed.seq),
    given.map(it => it.frame.deliveryId),
    given.map(it => (it.handed.acknowledgedAt === undefined ? JSON.stringify(it.frame.notification) : null)),
    given.map(it => it.handed.session),
    given.map(({ handed: { acknowledgedAt: acked } }) => (acked === undefined ? null : new Date(acked))),
  ])
}
