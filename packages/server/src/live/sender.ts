/**
 * Sends what waits for the connections of this process: found in the database, at a notice or by looking once a second, so it does not
 * matter which process made it.
 *
 * Buckets are parted into lanes that work side by side: a device's frames go by one of them, in the order in which they were made, and the
 * database reads the next of one lane while this process writes those of another.
 */

import { BUCKETS } from '../registry/buckets.ts'
import type { Database } from '../store/database.ts'
import type { Clock } from '../time.ts'
import { type FramePlace, type FrameToSend, sendFrames } from './frames.ts'

const LANES = 2

export interface FrameSenderOptions {
  readonly db: Database
  readonly clock: Clock
  /** Of this process. */
  readonly server: string
  /** Writes, and does not wait. */
  readonly send: (frame: FrameToSend) => void
  /** It is for somebody who is not logged in there any more. */
  readonly refuse: (frame: FrameToSend) => void
  /** What could not be sent is sent at the next look. */
  readonly onError: (error: unknown) => void
}

interface Lane {
  readonly from: number
  readonly to: number
  isLookWanted: boolean
  looking: Promise<void> | undefined
}

export class FrameSender {
  readonly #options: FrameSenderOptions
  readonly #lanes: readonly Lane[] = Array.from({ length: LANES }, (_, i) => ({
    from: (i * BUCKETS) / LANES,
    to: ((i + 1) * BUCKETS) / LANES - 1,
    isLookWanted: false,
    looking: undefined,
  }))
  #isStopped = false

  constructor(options: FrameSenderOptions) {
    this.#options = options
  }

  /** Something may have to be sent. */
  look(): void {
    if (this.#isStopped) return
    for (const lane of this.#lanes) {
      lane.isLookWanted = true
      lane.looking ??= this.#lookOn(lane).finally(() => {
        lane.looking = undefined
      })
    }
  }

  /** Resolves when what is in hand is sent. */
  async stop(): Promise<void> {
    this.#isStopped = true
    await Promise.all(this.#lanes.map(it => it.looking ?? Promise.resolve()))
  }

  async #lookOn(lane: Lane): Promise<void> {
    while (lane.isLookWanted && !this.#isStopped) {
      lane.isLookWanted = false
      try {
        await this.#sendAll(lane)
      } catch (error) {
        this.#options.onError(error)
      }
    }
  }

  async #sendAll({ from, to }: Lane): Promise<void> {
    let after: FramePlace | undefined = { bucket: from, appId: 0, hwid: '', seq: 0 }
    while (after !== undefined && !this.#isStopped) after = await this.#sendNext(after, to)
  }

  #sendNext(after: FramePlace, bucketTo: number): Promise<FramePlace | undefined> {
    const { db, server, clock, ...sender } = this.#options
    const range = { server, after, bucketTo, at: clock.now() }
    return db.plannedTransaction(tx => sendFrames(tx, range, sender))
  }
}
