/**
 * The live channels of this process: who is connected here, and what is sent to them. What is to be sent is found in the database, at a
 * notice or by looking once a second, so it does not matter which process made it.
 */
import { randomUUID } from 'node:crypto'
import { type CallFrame, ERRORS, type HelloFrame, PushError, type ServerFrame } from '@roost/protocol'
import type { Logger } from 'pino'
import type { WebSocket } from 'ws'
import { type App, type AppDirectory, requireServing } from '../access/apps.ts'
import { type Calls, callOver } from '../calls/calls.ts'
import { TOLD_AFTER_MS } from '../calls/legs.ts'
import { CallTeller } from '../calls/teller.ts'
import { openLegs } from '../calls/views.ts'
import type { CallLimits } from '../http/limits.ts'
import type { ReceiptSigner } from '../insight/receipts-signature.ts'
import { bucketOf } from '../registry/buckets.ts'
import type { Database } from '../store/database.ts'
import { MicroBatch } from '../store/micro-batch.ts'
import type { Clock } from '../time.ts'
import { Accesses } from './access.ts'
import { Channel, type ChannelHost, type Member } from './channel.ts'
import { acknowledge, acknowledgeHad, type FrameToSend, resumeFrames, type SentKey } from './frames.ts'
import {
  BEAT_EVERY_MS,
  beat,
  changePresence,
  connect,
  endSessions,
  findOutdated,
  readUserOf,
} from './presence.ts'
import { Pulse } from './pulse.ts'
import { FrameSender } from './sender.ts'
import { UnreadTeller } from './unread.ts'

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
}

const HEARTBEAT_MS = 30_000
/** Fifty thousand pings at once would be one turn, in which nobody else is served. */
const STEPS_OF_HEARTBEAT = 30
/** For notices that were lost. */
const LOOK_EVERY_MS = 1000
const ACKNOWLEDGED_AT_ONCE = 1000
/** RFC 6455, 7.4.1: going away. */
const GOING_AWAY = 1001
const FAREWELL_MS = 1000

export class LiveChannels implements ChannelHost {
  readonly #options: LiveChannelsOptions
  readonly #server = randomUUID()
  readonly #open = new Pulse<Channel>(STEPS_OF_HEARTBEAT)
  readonly #members = new Map<string, Channel>()
  /** Their `hello` is being taken. */
  readonly #arriving = new Map<string, Channel>()
  readonly #acknowledgements: MicroBatch<readonly SentKey[], undefined>
  readonly #frames: FrameSender
  readonly #unread: UnreadTeller
  readonly #accesses: Accesses
  readonly #callTeller: CallTeller
  readonly #timers: NodeJS.Timeout[] = []
  #beating: Promise<void> | undefined
  #isStopped = false

  constructor(options: LiveChannelsOptions) {
    const { db, clock, logger } = options
    this.#options = options
    this.#accesses = new Accesses(options.apps)
    const server = this.#server
    this.#callTeller = new CallTeller({ db, clock, logger, server, find: it => this.#channelOf(it) })
    this.#frames = new FrameSender({
      db,
      clock,
      server: this.#server,
      send: it => this.#send(it),
      refuse: it => this.#closeFormer(it),
      onError: it => this.#tell(it),
    })
    this.#unread = new UnreadTeller({
      db,
      clock,
      server: this.#server,
      tell: (place, count) => this.#members.get(keyOf(place))?.tell({ type: 'unread', count }),
      onError: it => this.#tell(it),
    })
    this.#acknowledgements = new MicroBatch({
      maxSize: ACKNOWLEDGED_AT_ONCE,
      keysOf: () => [],
      run: async items => {
        await db.plannedTransaction(tx => acknowledge(tx, { frames: items.flat(), at: clock.now() }))
        return items.map(() => undefined)
      },
    })
  }

  /** How many are connected here. */
  get size(): number {
    return this.#open.size
  }

  /** A connection that was upgraded; it closes itself. */
  add(socket: WebSocket): void {
    const channel = new Channel(socket, this)
    this.#open.add(channel)
    if (this.#isStopped) channel.closeWith(GOING_AWAY, 'the server stops')
  }

  /** Something may have to be sent: look now instead of within a second. */
  look(): void {
    if (this.#members.size === 0 || this.#isStopped) return
    this.#frames.look()
  }

  /** The unread count of a device may have changed: look now instead of within a second. */
  lookForUnread(): void {
    if (this.#members.size > 0 && !this.#isStopped) this.#unread.look()
  }

  /** A call may have changed: look now instead of within a second. */
  lookForCalls(): void {
    if (this.#members.size > 0 && !this.#isStopped) this.#callTeller.look()
  }

  /** Says farewell, and that nobody is connected here any more. */
  async close(): Promise<void> {
    this.#isStopped = true
    for (const timer of this.#timers) clearInterval(timer)
    for (const channel of this.#open.all()) channel.closeWith(GOING_AWAY, 'the server stops')
    const cut = setTimeout(() => {
      for (const channel of this.#open.all()) channel.terminate()
    }, FAREWELL_MS)
    await Promise.allSettled([
      this.#frames.stop(),
      this.#beating,
      this.#acknowledgements.settled(),
      this.#unread.settled(),
      this.#callTeller.settled(),
    ])
    if (this.#timers.length > 0) await this.#try(() => endSessions(this.#options.db, this.#beatOf()))
    if (this.#open.size === 0) clearTimeout(cut)
  }

  async hello(channel: Channel, frame: HelloFrame): Promise<ServerFrame> {
    const { db, clock, heartbeatMs = HEARTBEAT_MS } = this.#options
    const app = await this.#appOf(frame)
    await this.#begin()
    const { hwid, state, have = [] } = frame
    const { userId = await readUserOf(db, { appId: app.id, hwid }) } = frame
    const access = this.#accesses.of(frame)
    const member: Member = {
      appId: app.id,
      bucket: bucketOf(hwid),
      hwid,
      userId,
      session: randomUUID(),
      access,
    }
    // It is found here before it is in the database, since what is to be sent is told once.
    const key = keyOf(member)
    const at = clock.now()
    channel.member = member
    this.#arriving.set(key, channel)
    try {
      await db.transaction(async tx => {
        await connect(tx, { ...member, state, server: this.#server, at })
        await acknowledgeHad(tx, { ...member, seqs: have, at })
        await resumeFrames(tx, { ...member, server: this.#server })
        await openLegs(tx, { ...member, server: this.#server, at }, TOLD_AFTER_MS)
      })
      const former = this.#members.get(key)
      if (this.#open.has(channel)) {
        this.#members.set(key, channel)
        former?.close('replaced')
      } else {
        // It has gone meanwhile, after it took the place of one in the database that may be the device's newer one: that connects again.
        await this.#end(member)
        former?.closeWith(GOING_AWAY, 'connect again')
      }
    } catch (error) {
      channel.member = undefined
      throw error
    } finally {
      if (this.#arriving.get(key) === channel) this.#arriving.delete(key)
    }
    this.look()
    this.lookForCalls()
    this.#unread.add(member)
    return { type: 'welcome', heartbeatSeconds: Math.round(heartbeatMs / 1000) }
  }

  async acknowledge(
    { member }: Channel,
    frames: readonly SentKey[],
    others: readonly number[],
  ): Promise<void> {
    if (frames.length > 0) await this.#acknowledgements.add(frames)
    if (member === undefined || others.length === 0) return
    const { db, clock } = this.#options
    await acknowledgeHad(db, { ...member, seqs: others, at: clock.now() })
  }

  async say(channel: Channel, frame: Parameters<ChannelHost['say']>[1]): Promise<void> {
    const { member } = channel
    if (member === undefined) return
    const { db, clock } = this.#options
    const state = frame.type === 'logout' ? 'logged_out' : frame.state
    const isCounted = await changePresence(db, { ...member, state, at: clock.now() })
    if (!isCounted) channel.close('replaced')
    else if (frame.type === 'logout') channel.close('loggedOut')
  }

  async sayOfCall({ member }: Channel, { callId, event }: CallFrame): Promise<ServerFrame | undefined> {
    if (member === undefined) return undefined
    const { appId, hwid } = member
    try {
      const { taken, call } = await this.#options.calls.sayByDevice({ appId, callId }, hwid, event)
      const late = taken ? {} : lateOf(callId, call.state)
      return { type: 'call-answer', callId, event, taken, call, ...late }
    } catch (error) {
      if (!(error instanceof PushError)) throw error
      const { code, message: detail } = error
      return { type: 'call-answer', callId, event, taken: false, call: null, code, detail }
    }
  }

  refusalOf(error: unknown): ServerFrame {
    if (error instanceof PushError)
      return { type: 'error', code: error.code, detail: error.message, remedy: ERRORS[error.code].remedy }
    this.#options.logger.error({ err: error }, 'a frame of a live channel could not be taken')
    const code = 'not_ready'
    return { type: 'error', code, detail: 'the server could not take it now', remedy: ERRORS[code].remedy }
  }

  gone(channel: Channel): void {
    this.#open.delete(channel)
    const { member } = channel
    if (member === undefined || this.#members.get(keyOf(member)) !== channel) return
    this.#members.delete(keyOf(member))
    if (!this.#isStopped) void this.#end(member) // else all of them are ended at once
  }

  async #end(member: Member): Promise<void> {
    const { db, clock } = this.#options
    await this.#try(() => changePresence(db, { ...member, state: 'offline', at: clock.now() }))
  }

  /** Throws `app_unknown`, `device_token_refused`, `app_archived`, `rate_limited`. */
  async #appOf({ app: code, deviceToken }: HelloFrame): Promise<App> {
    const { apps, limits } = this.#options
    const app = await apps.findByDevice(code, deviceToken)
    limits.takeAppCall(app.id)
    requireServing(app)
    return app
  }

  /** With the first connection: a process that has none says nothing. */
  async #begin(): Promise<void> {
    if (this.#timers.length === 0 && !this.#isStopped) {
      const { heartbeatMs = HEARTBEAT_MS, lookEveryMs = LOOK_EVERY_MS } = this.#options
      this.#timers.push(
        setInterval(() => this.#beat(), BEAT_EVERY_MS),
        setInterval(() => this.#lookForAll(), lookEveryMs),
        setInterval(() => void this.#heartbeat(), heartbeatMs / STEPS_OF_HEARTBEAT),
        setInterval(() => void this.checkAccess(), heartbeatMs),
      )
      this.#beat()
    }
    await this.#beating
  }

  #lookForAll(): void {
    this.look()
    this.lookForCalls()
    this.lookForUnread()
  }

  #beat(): void {
    this.#beating = this.#try(() => beat(this.#options.db, this.#beatOf()))
  }

  #beatOf(): { readonly server: string; readonly at: number } {
    return { server: this.#server, at: this.#options.clock.now() }
  }

  async #heartbeat(): Promise<void> {
    const channels = this.#open.beat()
    for (const channel of channels) channel.heartbeat()
    await this.#try(() => this.#closeOutdated(channels.filter(it => this.#isMember(it))))
  }

  #isMember(channel: Channel): boolean {
    return channel.member !== undefined && this.#members.get(keyOf(channel.member)) === channel
  }

  /** No frame reaches them any more; now they learn it, too. */
  async #closeOutdated(channels: readonly Channel[]): Promise<void> {
    const sessions = channels.flatMap(it => it.member ?? [])
    if (sessions.length === 0) return
    const outdated = await findOutdated(this.#options.db, { server: this.#server, sessions })
    for (const channel of channels)
      if (channel.member !== undefined && outdated.has(channel.member.session)) channel.close('userChanged')
  }

  /** Closes channels whose token was revoked or whose app was archived: they would not be let in any more. */
  async checkAccess(): Promise<void> {
    const refused = await this.#accesses.takeRefused(it => this.#tell(it))
    if (refused.size === 0) return
    for (const channel of this.#open.all()) {
      const error = channel.member && refused.get(channel.member.access)
      if (error !== undefined) channel.refuse(error)
    }
  }

  /** R25: its user is that of the device, which stays so until this has returned; a connection of another one is closed. */
  #send(frame: FrameToSend): void {
    const channel = this.#channelOf(frame)
    const { member } = channel ?? {}
    if (channel === undefined || member === undefined) return // it comes again, and so does the frame
    if (member.userId !== frame.deviceUserId) return this.#closeFormer(frame)
    const { seq, deliveryId: id, messageId, userId, notification, hwid, bucket } = frame
    const receiptKey = this.#options.signer.sign({ hash: notification.hash, hwid }, this.#options.clock.now())
    channel.sendMessage(
      { type: 'message', seq, id, messageId, userId, receiptKey, notification },
      { bucket, messageId, hwid },
    )
  }

  #channelOf(frame: Pick<FrameToSend, 'appId' | 'hwid'>): Channel | undefined {
    return this.#arriving.get(keyOf(frame)) ?? this.#members.get(keyOf(frame))
  }

  #closeFormer(frame: FrameToSend): void {
    const channel = this.#channelOf(frame)
    if (channel?.member !== undefined && channel.member.userId !== frame.deviceUserId)
      channel.close('userChanged')
  }

  /** What a database that is away keeps from being done is done at the next look, beat or hello. */
  async #try(work: () => Promise<unknown>): Promise<void> {
    try {
      await work()
    } catch (error) {
      this.#tell(error)
    }
  }

  #tell(error: unknown): undefined {
    this.#options.logger.debug({ err: error }, 'the live channel could not be looked after')
  }
}

function lateOf(callId: string, state: string): { readonly code: string; readonly detail: string } {
  const { code, message: detail } = callOver(callId, state)
  return { code, detail }
}

function keyOf({ appId, hwid }: { readonly appId: number; readonly hwid: string }): string {
  return `${appId} ${hwid}`
}
