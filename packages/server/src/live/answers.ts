/** What is done with what devices say, once they are in: acknowledgements, states, calls; and how a refusal reads. */
import { type CallFrame, ERRORS, PushError, type ServerFrame } from '@roost/protocol'
import type { Logger } from 'pino'
import { type Calls, callOver } from '../calls/calls.ts'
import { asPushError, logFault } from '../http/problem.ts'
import type { Database } from '../store/database.ts'
import { MicroBatch } from '../store/micro-batch.ts'
import type { Clock } from '../time.ts'
import type { Channel, ChannelHost } from './channel.ts'
import { acknowledge, acknowledgeHad, type SentKey } from './frames.ts'
import { changePresence } from './presence.ts'

const ACKNOWLEDGED_AT_ONCE = 1000

export interface AnswersOptions {
  readonly db: Database
  readonly clock: Clock
  readonly logger: Logger
  readonly calls: Calls
}

/** See ChannelHost. */
export class Answers implements Omit<ChannelHost, 'hello' | 'gone'> {
  readonly #options: AnswersOptions
  readonly #acknowledgements: MicroBatch<readonly SentKey[], undefined>

  constructor(options: AnswersOptions) {
    const { db, clock } = options
    this.#options = options
    this.#acknowledgements = new MicroBatch({
      maxSize: ACKNOWLEDGED_AT_ONCE,
      keysOf: () => [],
      run: async items => {
        await db.plannedTransaction(tx => acknowledge(tx, { frames: items.flat(), at: clock.now() }))
        return items.map(() => undefined)
      },
    })
  }

  settled(): Promise<void> {
    return this.#acknowledgements.settled()
  }

  async acknowledge(
    { member }: Channel,
    frames: readonly SentKey[],
    others: readonly number[],
  ): Promise<void> {
    if (frames.length > 0) await this.#acknowledgements.add(frames)
    if (member === undefined || others.length === 0) return
    const { db, clock } = this.#options
    await acknowledgeHad(db, [{ ...member, have: others, at: clock.now() }])
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
    const problem = asPushError(error)
    logFault(problem, error, {
      log: this.#options.logger,
      of: this,
      failed: 'a frame of a live channel could not be taken',
      away: 'the database can not serve: live channels are refused',
    })
    const { code, message: detail } = problem
    return { type: 'error', code, detail, remedy: ERRORS[code].remedy }
  }
}

function lateOf(callId: string, state: string): { readonly code: string; readonly detail: string } {
  const { code, message: detail } = callOver(callId, state)
  return { code, detail }
}
