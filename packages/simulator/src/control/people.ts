/**
 * The people with their phones: one crowd, made when the first phones are asked for.
 */
import { Life, type LifeOptions } from '../life/life.ts'
import { type Crowd, type CrowdResult, createCrowd } from '../phones/crowd.ts'
import type { RoostAccess } from '../phones/device-api.ts'
import type { PhoneKind } from '../phones/display.ts'
import type { Phone } from '../phones/phone.ts'
import type { PhonePlatform } from '../phones/platform.ts'
import type { ReceiptOptions } from '../phones/receipts.ts'
import { seededRandom } from '../randomness.ts'
import type { Simulator } from '../simulator.ts'
import { InputError } from './fields.ts'

/** What phones of each kind are made for; a kind that is absent can't be had. */
export type Platforms = { readonly [Kind in PhoneKind]?: Extract<PhonePlatform, { kind: Kind }> }

export interface PeopleOptions {
  readonly simulator: Simulator
  readonly platforms: Platforms
  /** The server that phones register with, until another is named. */
  readonly roost?: RoostAccess
}

export interface Population {
  readonly ios?: number
  readonly android?: number
  readonly web?: number
  readonly hms?: number
}

export interface Habits {
  /** Default 1. */
  readonly seed?: number
  /** Share of shown notifications that are opened; default 0. */
  readonly openRate?: number
  readonly receipts?: ReceiptOptions
  readonly roost?: RoostAccess
}

export interface LifeHabits extends Habits, Pick<LifeOptions, 'presentShare' | 'days' | 'rates'> {}

const KINDS = ['ios', 'android', 'web', 'hms'] as const

export class People {
  readonly #options: PeopleOptions
  #crowd: Crowd | undefined
  #first: Habits = {}
  #life: Life | undefined

  constructor(options: PeopleOptions) {
    this.#options = options
  }

  /** Throws InputError where there is none yet. */
  get crowd(): Crowd {
    if (this.#crowd === undefined)
      throw new InputError('', 'there are no phones', 'Make some first: POST /phones, or "phones.install".')
    return this.#crowd
  }

  get isEmpty(): boolean {
    return this.#crowd === undefined
  }

  /**
   * Installs more phones: they have tokens, and no server knows of them yet. What is not said of their habits is as of the
   * first ones; `seed` and `receipts` are of all.
   */
  async install(population: Population, habits: Habits = {}): Promise<Phone[]> {
    const { platforms } = this.#options
    this.#requireApps(population)
    const crowd = this.#crowdFor(habits)
    const added = KINDS.flatMap(kind => {
      const platform = platforms[kind]
      return platform === undefined ? [] : crowd.add(platform, population[kind] ?? 0, habits)
    })
    await crowd.install(added)
    return added
  }

  /** Throws InputError where none has begun. */
  get life(): Life {
    if (this.#life === undefined)
      throw new InputError('', 'nobody lives yet', 'Begin it first: POST /life, or "life.begin".')
    return this.#life
  }

  /** People with phones in these parts; gives back how many. There is one life at a time. */
  beginLife(population: Population, options: LifeHabits = {}): number {
    const { simulator, platforms } = this.#options
    const { presentShare, days, rates, ...habits } = options
    this.#requireApps(population)
    const mix = KINDS.flatMap(kind => {
      const [platform, weight = 0] = [platforms[kind], population[kind]]
      return platform === undefined || weight === 0 ? [] : [{ platform, weight }]
    })
    const people = mix.reduce((sum, { weight }) => sum + weight, 0)
    if (people === 0) throw new InputError('', 'nobody is said to live', 'Name phones: {"ios": 100}.')
    this.#life = new Life({
      simulator,
      crowd: this.#crowdFor(habits),
      mix,
      people,
      ...(habits.seed !== undefined && { seed: habits.seed }),
      ...(presentShare !== undefined && { presentShare }),
      ...(days !== undefined && { days }),
      ...(rates !== undefined && { rates }),
    })
    return people
  }

  open(phones: readonly Phone[]): Promise<CrowdResult> {
    return this.crowd.register(phones)
  }

  close(): void {
    this.#crowd?.close()
  }

  #requireApps(population: Population): void {
    for (const kind of KINDS)
      if (population[kind] !== undefined && this.#options.platforms[kind] === undefined)
        throw new InputError(kind, 'this simulator has no app for such phones', 'Leave them out.')
  }

  #crowdFor(habits: Habits): Crowd {
    if (this.#crowd === undefined) this.#first = habits
    else refuseOthers(habits, this.#first)
    this.#crowd ??= this.#makeCrowd(habits)
    return this.#crowd
  }

  #makeCrowd({ seed = 1, openRate, receipts, roost = this.#options.roost }: Habits): Crowd {
    if (roost === undefined)
      throw new InputError(
        'server',
        'nobody said which server the phones register with',
        'Name server, app and deviceToken, or start with --server, --app and --token.',
      )
    return createCrowd({
      simulator: this.#options.simulator,
      roost,
      count: 0,
      mix: [],
      random: seededRandom(seed),
      ...(openRate !== undefined && { openRate }),
      ...(receipts !== undefined && { receipts }),
    })
  }
}

/** Silently keeping to the first ones would make a rehearsal look like one that was asked for. */
function refuseOthers(habits: Habits, first: Habits): void {
  for (const name of ['seed', 'receipts'] as const) {
    const [asked, is] = [habits[name], first[name]]
    if (asked !== undefined && JSON.stringify(asked) !== JSON.stringify(is))
      throw new InputError(
        name,
        `it is one for all phones: ${is === undefined ? 'the default' : JSON.stringify(is)}`,
        'Leave it out, or start a new simulator.',
      )
  }
}
