/**
 * The live channels of this process: who is connected here, and what is sent to them. What is to be sent is found in the database, at a
 * notice or by looking once a second, so it does not matter which process made it.
 *
 *   entry.ts    how a device comes in             arrivals.ts  many of them at once, in the database
 *   answers.ts  what is done with what they say   roster.ts    who is connected here
 *   upkeep.ts   beats, pings, looks               handover.ts  what is sent to them before it is stored
 */
import { randomUUID } from 'node:crypto'
import type { CallFrame, HelloFrame, ServerFrame } from '@roost/protocol'
import type { Logger } from 'pino'
import type { WebSocket } from 'ws'
import type { AppDirectory } from '../access/apps.ts'
import type { Calls } from '../calls/calls.ts'
import { CallTeller } from '../calls/teller.ts'
import type { CallLimits } from '../http/limits.ts'
import type { ReceiptSigner } from '../insight/receipts-signature.ts'
import type { Database } from '../store/database.ts'
import type { Clock } from '../time.ts'
import { Accesses } from './access.ts'
import { Answers } from './answers.ts'
import { Channel, type ChannelHost, GOING_AWAY, type Member } from './channel.ts'
import { Entry } from './entry.ts'
import type { FrameToSend, SentKey } from './frames.ts'
import type { FrameToHand, Here } from './handover.ts'
import { changePresence, type Place } from './presence.ts'
import { Roster } from './roster.ts'
import { FrameSender } from './sender.ts'
import { UnreadTeller } from './unread.ts'
import { Upkeep } from './upkeep.ts'

export interface LiveChannelsOptions {
  readonly db: Database
  readonly clock: Clock
  readonly logger: Logger
  readonly apps: AppDirectory
  readonly limits: CallLimits
  readonly signer: ReceiptSigner
  readonly calls: Calls
  /** Between pings; who has not answered one at the next is disconnected. Default 30 000. */
  readonly heartbeatMs?: number
  /** Between looks for what no notice has told of. Default 1000. */
  readonly lookEveryMs?: number | undefined
  /** See Here. Default 250. */
  readonly patienceMs?: number | undefined
}

const HEARTBEAT_MS = 30_000
const LOOK_EVERY_MS = 1000
/** Two ways of a good mobile network; the gateways of a chunk's pushes, which are waited for meanwhile, take about as long. */
const PATIENCE_MS = 250
const FAREWELL_MS = 1000

export class LiveChannels implements ChannelHost, Here {
  /** Of this process. */
  readonly server = randomUUID()
  readonly patienceMs: number
  readonly #options: LiveChannelsOptions
  readonly #roster = new Roster()
  readonly #accesses: Accesses
  readonly #entry: Entry
  readonly #answers: Answers
  readonly #upkeep: Upkeep
  readonly #frames: FrameSender
  readonly #unread: UnreadTeller
  readonly #calls: CallTeller
  #isStopped = false

  constructor(options: LiveChannelsOptions) {
    this.#options = options
    this.patienceMs = options.patienceMs ?? PATIENCE_MS
    const { db, clock, logger, apps, limits, calls, heartbeatMs = HEARTBEAT_MS } = options
    const roster = this.#roster
    const { server } = this
    const onError = (error: unknown) => this.#tell(error)
    this.#accesses = new Accesses(apps)
    this.#entry = new Entry({
      ...{ db, clock, apps, limits, roster, server },
      accesses: this.#accesses,
      end: it => this.#end(it),
    })
    this.#answers = new Answers({ db, clock, logger, calls })
    this.#upkeep = new Upkeep({
      ...{ db, clock, roster, server, heartbeatMs, onError },
      lookEveryMs: options.lookEveryMs ?? LOOK_EVERY_MS,
      look: () => this.#lookForAll(),
      checkAccess: () => this.checkAccess(),
    })
    this.#calls = new CallTeller({ db, clock, logger, server, find: it => roster.find(it) })
    this.#frames = new FrameSender({
      ...{ db, clock, server, onError },
      send: it => this.#send(it),
      refuse: it => this.#closeFormer(it),
    })
    this.#unread = new UnreadTeller({
      ...{ db, clock, server, onError },
      tell: (place, count) => roster.findMember(place)?.tell({ type: 'unread', count }),
    })
  }

  /** How many are connected here. */
  get size(): number {
    return this.#roster.open.size
  }

  /** A connection that was upgraded; it closes itself. */
  add(socket: WebSocket): void {
    const channel = new Channel(socket, this)
    this.#roster.open.add(channel)
    if (this.#isStopped) channel.closeWith(GOING_AWAY, 'the server stops')
  }

  find(place: Place): Channel | undefined {
    return this.#roster.findMember(place)
  }

  hand(channel: Channel, frame: FrameToHand, key: SentKey): boolean {
    return channel.member?.userId === frame.userId && this.#write(channel, frame, key)
  }

  /** Something may have to be sent: look now instead of within a second. */
  look(): void {
    if (this.#mayLook()) this.#frames.look()
  }

  /** The unread count of a device may have changed: look now instead of within a second. */
  lookForUnread(): void {
    if (this.#mayLook()) this.#unread.look()
  }

  /** A call may have changed: look now instead of within a second. */
  lookForCalls(): void {
    if (this.#mayLook()) this.#calls.look()
  }

  #lookForAll(): void {
    this.look()
    this.lookForCalls()
    this.lookForUnread()
  }

  #mayLook(): boolean {
    return !this.#roster.isEmpty && !this.#isStopped
  }

  /** Says farewell, and that nobody is connected here any more. */
  async close(): Promise<void> {
    this.#isStopped = true
    const { open } = this.#roster
    const stopped = this.#upkeep.stop()
    for (const channel of open.all()) channel.closeWith(GOING_AWAY, 'the server stops')
    const cut = setTimeout(() => {
      for (const channel of open.all()) channel.terminate()
    }, FAREWELL_MS)
    await Promise.allSettled([
      this.#frames.stop(),
      stopped,
      this.#answers.settled(),
      this.#unread.settled(),
      this.#calls.settled(),
    ])
    await this.#upkeep.end()
    if (open.size === 0) clearTimeout(cut)
  }

  async hello(channel: Channel, frame: HelloFrame): Promise<ServerFrame | undefined> {
    const { heartbeatMs = HEARTBEAT_MS } = this.#options
    const app = await this.#entry.appOf(frame)
    await this.#upkeep.begin()
    const member = await this.#entry.letIn(channel, { app, frame })
    if (member === undefined) return undefined
    this.look()
    this.lookForCalls()
    this.#unread.add(member)
    return { type: 'welcome', heartbeatSeconds: Math.round(heartbeatMs / 1000) }
  }

  acknowledge(channel: Channel, frames: readonly SentKey[], others: readonly number[]): Promise<void> {
    return this.#answers.acknowledge(channel, frames, others)
  }

  say(channel: Channel, frame: Parameters<ChannelHost['say']>[1]): Promise<void> {
    return this.#answers.say(channel, frame)
  }

  sayOfCall(channel: Channel, frame: CallFrame): Promise<ServerFrame | undefined> {
    return this.#answers.sayOfCall(channel, frame)
  }

  refusalOf(error: unknown): ServerFrame {
    return this.#answers.refusalOf(error)
  }

  gone(channel: Channel): void {
    const member = this.#roster.remove(channel)
    if (member !== undefined && !this.#isStopped) void this.#end(member) // else all of them are ended at once
  }

  /** What a database that is away keeps from being done is done when the process is found dead, or the device comes again. */
  async #end(member: Member): Promise<void> {
    const { db, clock } = this.#options
    const offline = { ...member, state: 'offline', at: clock.now() } as const
    await changePresence(db, offline).catch((error: unknown) => this.#tell(error))
  }

  /** Closes channels whose token was revoked or whose app was archived: they would not be let in any more. */
  async checkAccess(): Promise<void> {
    const refused = await this.#accesses.takeRefused(it => this.#tell(it))
    if (refused.size === 0) return
    for (const channel of this.#roster.open.all()) {
      const error = channel.member && refused.get(channel.member.access)
      if (error !== undefined) channel.refuse(error)
    }
  }

  /** R25: its user is that of the device, which stays so until this has returned; a connection of another one is closed. */
  #send(frame: FrameToSend): void {
    const channel = this.#roster.find(frame)
    const { member } = channel ?? {}
    if (channel === undefined || member === undefined) return // it comes again, and so does the frame
    if (member.userId !== frame.deviceUserId) return this.#closeFormer(frame)
    const { bucket, messageId, hwid } = frame
    this.#write(channel, frame, { bucket, messageId, hwid })
  }

  #write(channel: Channel, frame: FrameToHand, key: SentKey): boolean {
    const { seq, deliveryId: id, messageId, userId, notification, hwid } = frame
    const receiptKey = this.#options.signer.sign({ hash: notification.hash, hwid }, this.#options.clock.now())
    return channel.sendMessage({ type: 'message', seq, id, messageId, userId, receiptKey, notification }, key)
  }

  #closeFormer(frame: FrameToSend): void {
    const channel = this.#roster.find(frame)
    if (channel?.member !== undefined && channel.member.userId !== frame.deviceUserId)
      channel.close('userChanged')
  }

  #tell(error: unknown): undefined {
    this.#options.logger.debug({ err: error }, 'the live channel could not be looked after')
  }
}
