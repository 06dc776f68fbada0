/**
 * Devices that come in: those that say hello at the same time share a transaction. After a restart of the server all of them do, and
 * a transaction for each would let in some hundred a second.
 *
 * A device whose row is just being changed waits for that alone, and holds up nobody.
 */
import { PushError } from '@roost/protocol'
import { openLegs } from '../calls/views.ts'
import { byDeviceKey } from '../registry/lock-order.ts'
import type { Database, Transaction } from '../store/database.ts'
import { MicroBatch } from '../store/micro-batch.ts'
import type { Clock } from '../time.ts'
import { acknowledgeHad, resumeFrames } from './frames.ts'
import { type Connection, keyOf, lockForConnecting, storeConnections } from './presence.ts'

const LET_IN_AT_ONCE = 200

/** A connection that is to count. */
export interface Arrival extends Omit<Connection, 'server' | 'at'> {
  /** Numbers of frames that it has from a connection before. */
  readonly have: readonly number[]
}

export interface ArrivalsOptions {
  readonly db: Database
  readonly clock: Clock
  /** Of this process. */
  readonly server: string
}

/** `missed`: its device is not known, or its row is locked. */
type LetIn = 'connected' | 'missed' | PushError

export class Arrivals {
  readonly #options: ArrivalsOptions
  readonly #together: MicroBatch<Arrival, LetIn>

  constructor(options: ArrivalsOptions) {
    this.#options = options
    this.#together = new MicroBatch({
      maxSize: LET_IN_AT_ONCE,
      keysOf: it => [keyOf(it)],
      run: arrivals => this.#connect(arrivals, 'pass over'),
    })
  }

  /**
   * What was on its way to the device before, and what rings for its user, is this connection's from then on. Throws `device_unknown`, and
   * `input_invalid` when somebody else is logged in there.
   */
  async connect(arrival: Arrival): Promise<void> {
    const together = await this.#together.add(arrival)
    const result = together === 'missed' ? (await this.#connect([arrival], 'wait'))[0] : together
    if (result === 'missed') throw new PushError('device_unknown', 'the device has not registered yet')
    if (result !== 'connected') throw result
  }

  #connect(arrivals: readonly Arrival[], locked: 'wait' | 'pass over'): Promise<readonly LetIn[]> {
    const { db, clock, server } = this.#options
    const at = clock.now()
    return db.plannedTransaction(async tx => {
      const users = await lockForConnecting(tx, arrivals, locked)
      const results = arrivals.map(it => judge(it, users.get(keyOf(it))))
      const connected = arrivals.filter((_, i) => results[i] === 'connected').sort(byDeviceKey)
      if (connected.length > 0)
        await letIn(
          tx,
          connected.map(it => ({ ...it, server, at })),
        )
      return results
    })
  }
}

function judge({ userId }: Arrival, device: { readonly userId: string | null } | undefined): LetIn {
  if (device === undefined) return 'missed'
  if (device.userId === userId) return 'connected'
  return new PushError(
    'input_invalid',
    'userId: another user is logged in on this device, as far as is known here; call registerUser first, then say hello again',
  )
}

/** All of it goes out with the commit, but for what devices have. */
async function letIn(tx: Transaction, connections: readonly (Arrival & Connection)[]): Promise<void> {
  storeConnections(tx, connections)
  await acknowledgeHad(tx, connections)
  resumeFrames(tx, connections)
  openLegs(tx, connections)
}
