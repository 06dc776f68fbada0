/**
 * Tells the devices that are connected to this process how their calls stand. What is to be told is found in the database, at a notice or by
 * looking once a second, so it does not matter which process has changed a call.
 */
import type { CallServerFrame } from '@roost/protocol'
import type { Logger } from 'pino'
import type { Database } from '../store/database.ts'
import type { Clock } from '../time.ts'
import { type CallToTell, deviceCallOf, tellCalls } from './views.ts'

/** A device that is connected here. */
export interface Listening {
  /** As whom it is connected; undefined until that is known. */
  readonly member: { readonly userId: string | null } | undefined
  tellCall(frame: CallServerFrame): void
}

export interface CallTellerOptions {
  readonly db: Database
  readonly clock: Clock
  readonly logger: Logger
  /** The id of this process, as in `live_server`. */
  readonly server: string
  readonly find: (device: { readonly appId: number; readonly hwid: string }) => Listening | undefined
}

export class CallTeller {
  readonly #options: CallTellerOptions
  #looking: Promise<void> | undefined
  #isWanted = false

  constructor(options: CallTellerOptions) {
    this.#options = options
  }

  /** Something may have to be told: now. */
  look(): void {
    this.#isWanted = true
    this.#looking ??= this.#lookOn().finally(() => {
      this.#looking = undefined
    })
  }

  /** Resolves when nothing is under way. Never rejects. */
  async settled(): Promise<void> {
    await this.#looking
  }

  async #lookOn(): Promise<void> {
    while (this.#isWanted) {
      this.#isWanted = false
      try {
        await this.#tellAll()
      } catch (error) {
        this.#options.logger.debug({ err: error }, 'calls could not be told of') // the next look does it
      }
    }
  }

  async #tellAll(): Promise<void> {
    const { db, clock, server } = this.#options
    for (let isMore = true; isMore; )
      isMore = await db.plannedTransaction(tx =>
        tellCalls(tx, { server, at: clock.now() }, it => this.#tell(it)),
      )
  }

  /** R25: the user of the device can't change meanwhile, and a connection of another one is told nothing. */
  #tell(row: CallToTell): void {
    const listening = this.#options.find(row)
    if (listening?.member?.userId !== row.userId) return
    const call = deviceCallOf(row, this.#options.clock.now())
    listening.tellCall({ type: 'call', userId: row.userId, call })
  }
}
