/**
 * Playing a scenario: the phones register, then its steps, one after the other, each at its time.
 *
 *     phones -> (wait -> actions)* -> wait until it has lasted -> receipts
 *
 * Which phones an action is for follows from the seed and the order of the steps, not from how long they take.
 */
import { InputError } from '../control/fields.ts'
import type { World } from '../control/operation.ts'
import { OPERATIONS } from '../control/operations.ts'
import type { GatewayCounts, GatewayName } from '../gateway/tally.ts'
import type { CrowdCounts } from '../phones/crowd.ts'
import type { Action, Scenario, Step, When } from './scenario.ts'

const POLL_MS = 50
/** For the last receipts: what the server has not taken by then counts as waiting. */
const SETTLE_MS = 10_000
const INSTALL = OPERATIONS.find(({ name }) => name === 'phones.install')

export interface PlayOptions extends World {
  /** Told after each thing that was done. */
  readonly onDone?: (done: DoneAction) => void
  /** Milliseconds of a clock that never goes back; default `performance.now`. */
  readonly now?: () => number
  /** Default a timer. */
  readonly pause?: (ms: number) => Promise<void>
}

export interface DoneAction {
  /** Since the phones have registered. */
  readonly atMs: number
  readonly name: string
  readonly result: unknown
}

export interface ScenarioReport {
  readonly done: readonly DoneAction[]
  readonly gateways: Readonly<Record<GatewayName, GatewayCounts>>
  /** Undefined without phones. */
  readonly phones: CrowdCounts | undefined
  readonly isComplete: boolean
}

/** Plays it to its end. Throws InputError for a step that could not be done, with its line. */
export async function playScenario(scenario: Scenario, options: PlayOptions): Promise<ScenarioReport> {
  return new Play(scenario, options).run()
}

class Play {
  readonly #scenario: Scenario
  readonly #options: PlayOptions
  readonly #now: () => number
  readonly #done: DoneAction[] = []
  #startedAt = 0

  constructor(scenario: Scenario, options: PlayOptions) {
    this.#scenario = scenario
    this.#options = options
    this.#now = options.now ?? (() => performance.now())
  }

  async run(): Promise<ScenarioReport> {
    const { phones, steps, lastsMs } = this.#scenario
    this.#startedAt = this.#now()
    if (phones !== undefined && INSTALL !== undefined)
      await this.#act({ operation: INSTALL, input: phones }, 'phones')
    this.#startedAt = this.#now()
    for (const step of steps) await this.#play(step)
    await this.#pause(lastsMs - this.#elapsedMs())
    await this.#settle()
    const { simulator, people } = this.#options
    return {
      done: this.#done,
      gateways: simulator.counts(),
      phones: people.isEmpty ? undefined : people.crowd.counts(),
      isComplete: !this.#isEnded(),
    }
  }

  async #play({ when, actions, line }: Step): Promise<void> {
    await this.#waitFor(when, line)
    for (const action of actions) if (!this.#isEnded()) await this.#act(action, `line ${line}`)
  }

  async #act({ operation, input }: Action, place: string): Promise<void> {
    const { simulator, people, signal, onDone } = this.#options
    const world = { simulator, people, ...(signal !== undefined && { signal }) }
    const result = await operation.run(world, input, '').catch((cause: unknown) => {
      if (!(cause instanceof InputError)) throw cause
      throw new InputError(`${place}, ${operation.name}`, cause.message, cause.remedy)
    })
    const done = { atMs: Math.round(this.#elapsedMs()), name: operation.name, result }
    this.#done.push(done)
    onDone?.(done)
  }

  async #waitFor(when: When, line: number): Promise<void> {
    if (when.kind === 'at') return this.#pause(when.ms - this.#elapsedMs())
    if (when.kind === 'after') return this.#pause(when.ms)
    const endsAt = this.#now() + when.withinMs
    while (!this.#isEnded() && this.#accepted(when.gateway) < when.pushes) {
      if (this.#now() >= endsAt)
        throw new InputError(
          `line ${line}`,
          `${this.#accepted(when.gateway)} pushes were accepted, not ${when.pushes}`,
          'Send a message to the phones meanwhile, or wait longer with "within".',
        )
      await this.#pause(POLL_MS)
    }
  }

  #accepted(gateway: GatewayName | undefined): number {
    const counts = this.#options.simulator.counts()
    if (gateway !== undefined) return counts[gateway].accepted
    return Object.values(counts).reduce((sum, { accepted }) => sum + accepted, 0)
  }

  async #settle(): Promise<void> {
    const { people } = this.#options
    if (people.isEmpty || this.#isEnded()) return
    people.crowd.flushReceipts()
    const patience = new AbortController()
    await Promise.race([people.crowd.settled(), timer(SETTLE_MS, [patience.signal, this.#options.signal])])
    patience.abort()
  }

  #elapsedMs(): number {
    return this.#now() - this.#startedAt
  }

  #isEnded(): boolean {
    return this.#options.signal?.aborted === true
  }

  async #pause(ms: number): Promise<void> {
    if (ms <= 0 || this.#isEnded()) return
    const { pause, signal } = this.#options
    await (pause === undefined ? timer(ms, [signal]) : pause(ms))
  }
}

/** Ends early when one of the signals does. */
function timer(ms: number, signals: readonly (AbortSignal | undefined)[]): Promise<void> {
  return new Promise(resolve => {
    const end = () => {
      clearTimeout(timeout)
      for (const signal of signals) signal?.removeEventListener('abort', end)
      resolve()
    }
    const timeout = setTimeout(end, ms)
    for (const signal of signals) signal?.addEventListener('abort', end)
  })
}
