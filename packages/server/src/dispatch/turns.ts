/**
 * Turns of the event loop for work that takes milliseconds. Eight batches that each take theirs as it comes make turns of
 * twenty milliseconds, and a message to one device waits for some twenty of them on its way through the database. Here one
 * piece of work is done a turn, whoever has the most of it, and everything else comes in between.
 *
 * Who has several pieces does them in a row: were those of all batches mixed, all would come to their end at the same time,
 * and wait for the database together.
 */
import { setImmediate } from 'node:timers/promises'
import type { Precedence } from './precedence.ts'

export class Turns {
  #last: Promise<unknown> = Promise.resolve()
  readonly #precedence: Precedence

  /** `precedence`: whose messages each piece gives way to. */
  constructor(precedence: Precedence) {
    this.#precedence = precedence
  }

  /** Does the pieces one after the other, each in a turn that nobody else was given. Rejects with the first that throws. */
  take<T>(pieces: readonly (() => T)[]): Promise<T[]> {
    const mine = this.#last.then(() => inTurns(pieces, this.#precedence))
    this.#last = mine.catch(() => undefined)
    return mine
  }
}

async function inTurns<T>(pieces: readonly (() => T)[], precedence: Precedence): Promise<T[]> {
  const done: T[] = []
  for (const piece of pieces) {
    await setImmediate()
    await precedence.giveWay()
    done.push(piece())
  }
  return done
}
