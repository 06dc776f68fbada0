/**
 * Tells devices that are connected how many unread entries their inbox has, so that their badges say the same: each when it connects, and
 * those of a user when one of them has read something. Nobody waits for it, and what is lost is told again when the app is opened.
 */
import { countUnread } from '../inbox/unread.ts'
import { bucketOf } from '../registry/buckets.ts'
import { devicesOfPerson } from '../registry/person-devices.ts'
import type { Database, Transaction } from '../store/database.ts'
import { MicroBatch } from '../store/micro-batch.ts'
import type { Clock } from '../time.ts'
import type { Place } from './presence.ts'

/** The other devices of whoever is logged in on this one. In the transaction of the change, or after it. */
export async function tellOthersUnread(tx: Transaction, { appId, hwid }: Place): Promise<void> {
  const { rowCount } = await tx.query(
    `update live_presence p set is_unread_due = true
       from device own cross join lateral (${devicesOfPerson('own.app_id', 'own.user_id')}) d
      where own.bucket = $1 and own.app_id = $2 and own.hwid = $3 and d.hwid <> own.hwid
        and p.bucket = d.bucket and p.app_id = d.app_id and p.hwid = d.hwid and p.server is not null`,
    [bucketOf(hwid), appId, hwid],
  )
  if (rowCount > 0) tx.announce('unread')
}

const COUNTED_AT_ONCE = 500

export interface UnreadTellerOptions {
  readonly db: Database
  readonly clock: Clock
  /** Of this process. */
  readonly server: string
  readonly tell: (place: Place, count: number) => void
  readonly onError: (error: unknown) => void
}

export class UnreadTeller {
  readonly #options: UnreadTellerOptions
  /** Of devices that have connected. */
  readonly #counts: MicroBatch<Place, undefined>
  #looking: Promise<void> | undefined
  #isLookWanted = false

  constructor(options: UnreadTellerOptions) {
    this.#options = options
    this.#counts = new MicroBatch({
      maxSize: COUNTED_AT_ONCE,
      keysOf: () => [],
      run: async places => {
        await this.#tellAll(places)
        return places.map(() => undefined)
      },
    })
  }

  /** It has connected. */
  add(place: Place): void {
    this.#counts.add(place).catch((error: unknown) => this.#options.onError(error))
  }

  /** It may have changed for some that are connected. */
  look(): void {
    this.#isLookWanted = true
    this.#looking ??= this.#lookOn().finally(() => {
      this.#looking = undefined
    })
  }

  async settled(): Promise<void> {
    await Promise.allSettled([this.#counts.settled(), this.#looking])
  }

  async #lookOn(): Promise<void> {
    const { db, server, onError } = this.#options
    while (this.#isLookWanted) {
      this.#isLookWanted = false
      try {
        const { rows } = await db.query<Place>(
          `update live_presence set is_unread_due = false where server = $1 and is_unread_due
           returning app_id as "appId", hwid`,
          [server],
        )
        if (rows.length > 0) await this.#tellAll(rows)
      } catch (error) {
        onError(error)
      }
    }
  }

  async #tellAll(places: readonly Place[]): Promise<void> {
    const { db, clock, tell } = this.#options
    for (const appId of new Set(places.map(it => it.appId))) {
      const hwids = [...new Set(places.filter(it => it.appId === appId).map(it => it.hwid))]
      const counts = await countUnread(db, { appId, hwids, at: clock.now() })
      for (const hwid of hwids) tell({ appId, hwid }, counts.get(hwid) ?? 0)
    }
  }
}
