/**
 * Sends what waits for the connections of this process: found in the database, at a notice or by looking once a second, so it does not
 * matter which process made it.
 *
 * Buckets are parted into tracks that work side by side: a device's frames go by one of them, in the order in which they were made, and the
 * database reads the next of one track while this process writes those of another.
 */

import { BUCKETS } from '../registry/buckets.ts'
import type { Database } from '../store/database.ts'
import type { Clock } from '../time.ts'
import { type FramePlace, type FrameToSend, sendFrames } from './frames.ts'

const TRACKS = 2

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

interface Track {
  readonly from: number
  readonly to: number
  isLookWanted: boolean
  looking: Promise<void> | undefined
}

export class FrameSender {
  readonly #options: FrameSenderOptions
  readonly #tracks: readonly Track[] = Array.from({ length: TRACKS }, (_, i) => ({
    from: (i * BUCKETS) / TRACKS,
    to: ((i + 1) * BUCKETS) / TRACKS - 1,
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
    for (const track of this.#tracks) {
      track.isLookWanted = true
      track.looking ??= this.#lookOn(track).finally(() => {
        track.looking = undefined
      })
    }
  }

  /** Resolves when what is in hand is sent. */
  async stop(): Promise<void> {
    this.#isStopped = true
    await Promise.all(this.#tracks.map(it => it.looking ?? Promise.resolve()))
  }

  async #lookOn(track: Track): Promise<void> {
    while (track.isLookWanted && !this.#isStopped) {
      track.isLookWanted = false
      try {
        await this.#sendAll(track)
      } catch (error) {
        this.#options.onError(error)
      }
    }
  }

  async #sendAll({ from, to }: Track): Promise<void> {
    let after: FramePlace | undefined = { bucket: from, appId: 0, hwid: '', seq: 0 }
    while (after !== undefined && !this.#isStopped) after = await this.#sendNext(after, to)
  }

  #sendNext(after: FramePlace, bucketTo: number): Promise<FramePlace | undefined> {
    const { db, server, clock, ...sender } = this.#options
    const range = { server, after, bucketTo, at: clock.now() }
    return db.plannedTransaction(tx => sendFrames(tx, range, sender))
  }
}
