/** How a device comes in by its `hello`: whether it may, what it gets first, and what becomes of its former connection. */
import { randomUUID } from 'node:crypto'
import type { HelloFrame } from '@roost/protocol'
import { type App, type AppDirectory, requireServing } from '../access/apps.ts'
import type { CallLimits } from '../http/limits.ts'
import { bucketOf } from '../registry/buckets.ts'
import type { Database } from '../store/database.ts'
import type { Clock } from '../time.ts'
import type { Accesses } from './access.ts'
import { Arrivals } from './arrivals.ts'
import { type Channel, GOING_AWAY, type Member } from './channel.ts'
import { keyOf, type Place, readUserOf } from './presence.ts'
import type { Roster } from './roster.ts'

const noop = (): void => undefined

export interface EntryOptions {
  readonly db: Database
  readonly clock: Clock
  readonly apps: AppDirectory
  readonly limits: CallLimits
  readonly accesses: Accesses
  readonly roster: Roster
  /** Of this process. */
  readonly server: string
  /** It is not connected any more. Never rejects. */
  readonly end: (member: Member) => Promise<void>
}

export class Entry {
  readonly #options: EntryOptions
  readonly #arrivals: Arrivals
  /** Ends of the arrivals that are under way, by device. Never reject. */
  readonly #lines = new Map<string, Promise<void>>()

  constructor(options: EntryOptions) {
    this.#options = options
    this.#arrivals = new Arrivals(options)
  }

  /** Throws `app_unknown`, `device_token_refused`, `app_archived`, `rate_limited`. */
  async appOf({ app: code, deviceToken }: HelloFrame): Promise<App> {
    const { apps, limits } = this.#options
    const app = await apps.findByDevice(code, deviceToken)
    limits.takeAppCall(app.id)
    requireServing(app)
    return app
  }

  /**
   * Undefined when the device has a newer connection here by now. Of one device one comes in after the other: a client that connects
   * again at once, as after a login, has both on their way, and whichever came in last would count. Throws what `connect` throws; then it
   * is nobody's connection.
   */
  letIn(channel: Channel, { app, frame }: { app: App; frame: HelloFrame }): Promise<Member | undefined> {
    return this.#inTurn({ appId: app.id, hwid: frame.hwid }, () => this.#letIn(channel, { app, frame }))
  }

  async #inTurn<Result>(place: Place, work: () => Promise<Result>): Promise<Result> {
    const key = keyOf(place)
    const before = this.#lines.get(key)
    const turn = before === undefined ? work() : before.then(work)
    const end = turn.then(noop, noop)
    this.#lines.set(key, end)
    try {
      return await turn
    } finally {
      if (this.#lines.get(key) === end) this.#lines.delete(key)
    }
  }

  async #letIn(
    channel: Channel,
    { app, frame }: { app: App; frame: HelloFrame },
  ): Promise<Member | undefined> {
    const { roster } = this.#options
    const member = await this.#memberOf(app, frame)
    const former = roster.findMember(member)
    if (former !== undefined && former.order > channel.order) {
      channel.close('replaced')
      return undefined
    }
    roster.arrive(channel, member)
    try {
      await this.#arrivals.connect({ ...member, state: frame.state, have: frame.have ?? [] })
      await this.#takePlace(channel, member)
      return member
    } catch (error) {
      channel.member = undefined
      throw error
    } finally {
      roster.endArrival(channel, member)
    }
  }

  async #memberOf(app: App, frame: HelloFrame): Promise<Member> {
    const { db, accesses } = this.#options
    const { hwid, userId = await readUserOf(db, { appId: app.id, hwid: frame.hwid }) } = frame
    const access = accesses.of(frame)
    return { appId: app.id, bucket: bucketOf(hwid), hwid, userId, session: randomUUID(), access }
  }

  async #takePlace(channel: Channel, member: Member): Promise<void> {
    const { roster, end } = this.#options
    const former = roster.findMember(member)
    if (roster.open.has(channel)) {
      roster.admit(channel, member)
      former?.close('replaced')
    } else {
      // It has gone meanwhile, after it took the place of one in the database that may be the device's newer one: that connects again.
      await end(member)
      former?.closeWith(GOING_AWAY, 'connect again')
    }
  }
}
