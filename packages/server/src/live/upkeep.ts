/**
 * What is done again and again while somebody is connected to this process: it says that it lives, pings its connections, closes those that
 * count no more, and looks for what no notice has told of.
 */
import type { Database } from '../store/database.ts'
import type { Clock } from '../time.ts'
import type { Channel } from './channel.ts'
import { BEAT_EVERY_MS, BEATS_TO_JUDGE, beat, endSessions, endSilent, findOutdated } from './presence.ts'
import { type Roster, STEPS_OF_HEARTBEAT } from './roster.ts'

export interface UpkeepOptions {
  readonly db: Database
  readonly clock: Clock
  readonly roster: Roster
  /** Of this process. */
  readonly server: string
  readonly heartbeatMs: number
  readonly lookEveryMs: number
  readonly look: () => void
  readonly checkAccess: () => Promise<void>
  /** What could not be done is done the next time. */
  readonly onError: (error: unknown) => void
}

export class Upkeep {
  readonly #options: UpkeepOptions
  readonly #timers: NodeJS.Timeout[] = []
  #beating: Promise<void> | undefined
  /** Beats in a row that came in time. */
  #inTime = 0
  #isStopped = false

  constructor(options: UpkeepOptions) {
    this.#options = options
  }

  /** With the first connection: a process that has none says nothing. Resolves when it has said that it lives. Never rejects. */
  async begin(): Promise<void> {
    if (this.#timers.length === 0 && !this.#isStopped) {
      const { heartbeatMs, lookEveryMs, look, checkAccess } = this.#options
      this.#timers.push(
        setInterval(() => this.#beat(), BEAT_EVERY_MS),
        setInterval(look, lookEveryMs),
        setInterval(() => void this.#heartbeat(), heartbeatMs / STEPS_OF_HEARTBEAT),
        setInterval(() => void checkAccess(), heartbeatMs),
      )
      this.#beat()
    }
    await this.#beating
  }

  /** Resolves when nothing is under way. */
  async stop(): Promise<void> {
    this.#isStopped = true
    for (const timer of this.#timers) clearInterval(timer)
    await this.#beating
  }

  /** Says that nobody is connected here any more. */
  async end(): Promise<void> {
    const { db, server, clock } = this.#options
    if (this.#timers.length > 0) await this.#try(() => endSessions(db, { server, at: clock.now() }))
  }

  #beat(): void {
    this.#beating = this.#try(async () => {
      const { db, server, clock } = this.#options
      this.#inTime = (await beat(db, server)) ? this.#inTime + 1 : 0
      // Who was late itself judges nobody: after an outage of the database all are late, and still hold their connections.
      if (this.#inTime >= BEATS_TO_JUDGE) await endSilent(db, clock.now())
    })
  }

  async #heartbeat(): Promise<void> {
    const { roster } = this.#options
    const channels = roster.open.beat()
    for (const channel of channels) channel.heartbeat()
    await this.#try(() => this.#closeOutdated(channels.filter(it => roster.isMember(it))))
  }

  /** No frame reaches them any more; now they learn it, too. */
  async #closeOutdated(channels: readonly Channel[]): Promise<void> {
    const sessions = channels.flatMap(it => it.member ?? [])
    if (sessions.length === 0) return
    const { db, server } = this.#options
    const outdated = await findOutdated(db, { server, sessions })
    for (const channel of channels)
      if (channel.member !== undefined && outdated.has(channel.member.session)) channel.close('userChanged')
  }

  async #try(work: () => Promise<unknown>): Promise<void> {
    try {
      await work()
    } catch (error) {
      this.#options.onError(error)
    }
  }
}
