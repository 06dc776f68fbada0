/**
 * Openings of apps, counted in memory and stored every second: a row for each would be a write for each start of an app, and
 * of a device only its last one is kept. What a process that is killed has counted within that second is lost; a stop stores it.
 */
import type { Platform } from '@roost/protocol'
import type { Queryable } from '../../store/database.ts'
import { gatewayOfPlatform, quarterOf } from './words.ts'

const STORE_EVERY_MS = 1000
const QUARTER_MS = 15 * 60_000

export interface Opening {
  readonly appId: number
  readonly platform: Platform | null
  readonly at: number
}

const STORE = `
  insert into stat_tally (app_id, at, gateway, metric, n)
  select i.app_id, ${quarterOf('i.at')}, coalesce(${gatewayOfPlatform('i.platform')}, ''), 'opens', i.n
    from unnest($1::integer[], $2::timestamptz[], $3::text[], $4::integer[]) as i (app_id, at, platform, n)`

interface Count {
  readonly opening: Opening
  n: number
}

export class Openings {
  readonly #db: Queryable
  readonly #onFault: (error: unknown) => void
  #counts = new Map<string, Count>()
  #timer: NodeJS.Timeout | undefined

  constructor(db: Queryable, onFault: (error: unknown) => void) {
    this.#db = db
    this.#onFault = onFault
  }

  /** After it was stored that the device has opened its app. */
  note(opening: Opening): void {
    this.#add(opening, 1)
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      void this.store()
    }, STORE_EVERY_MS).unref()
  }

  /** Never rejects: what could not be stored is kept for the next time. */
  async store(): Promise<void> {
    const counts = [...this.#counts.values()]
    if (counts.length === 0) return
    this.#counts = new Map()
    try {
      await this.#db.query(STORE, [
        counts.map(it => it.opening.appId),
        counts.map(it => new Date(it.opening.at)),
        counts.map(it => it.opening.platform),
        counts.map(it => it.n),
      ])
    } catch (error) {
      for (const it of counts) this.#add(it.opening, it.n)
      this.#onFault(error)
    }
  }

  async close(): Promise<void> {
    clearTimeout(this.#timer)
    await this.store()
  }

  #add({ appId, platform, at }: Opening, n: number): void {
    const quarter = Math.floor(at / QUARTER_MS) * QUARTER_MS
    const key = `${appId} ${platform} ${quarter}`
    const known = this.#counts.get(key)
    if (known === undefined) this.#counts.set(key, { opening: { appId, platform, at: quarter }, n })
    else known.n += n
  }
}
