/**
 * Many virtual phones in one process, over a few shared connections.
 */
import { drawSeed, type Random, seededRandom, shuffled } from '../randomness.ts'
import type { Simulator } from '../simulator.ts'
import { DeviceApi, type Fields, type RoostAccess } from './device-api.ts'
import { Phone, type PhoneHome } from './phone.ts'
import type { PhonePlatform } from './platform.ts'
import { type ReceiptCounts, type ReceiptOptions, ReceiptPost } from './receipts.ts'

export interface CrowdShare {
  readonly platform: PhonePlatform
  /** Relative to the other shares. */
  readonly weight: number
}

export interface CrowdOptions {
  readonly simulator: Simulator
  readonly roost: RoostAccess
  /** Phones to begin with, drawn from `mix`; `add` makes more. */
  readonly count: number
  readonly mix: readonly CrowdShare[]
  /** Phones that register at a time; default 64. */
  readonly concurrency?: number
  /** Default `seededRandom` of a seed that is drawn. */
  readonly random?: Random
  readonly tagsFor?: (index: number) => Fields
  readonly userIdFor?: (index: number) => string
  readonly receipts?: ReceiptOptions
  /** Share of shown notifications that are opened, 0 to 1; default 0. */
  readonly openRate?: number
  /** Called after each registration with the number done so far. */
  readonly onProgress?: (registered: number, count: number) => void
}

export interface CrowdCounts {
  readonly registered: number
  /** Registrations that the server refused or did not answer. */
  readonly failed: number
  readonly shown: number
  readonly repeats: number
  readonly ignored: number
  readonly receipts: ReceiptCounts
}

/** Where phones that are added register, and what their people do; what is left out is as of the crowd. */
export interface PhoneHabits {
  readonly roost?: RoostAccess
  readonly openRate?: number
}

/** What became of an action of several phones. */
export interface CrowdResult {
  readonly done: number
  readonly failed: number
  /** Of the first failure. */
  readonly reason?: string
}

/** Which phones of a crowd: all that match, or some of them. */
export interface PhoneChoice {
  readonly numbers?: readonly number[]
  readonly kind?: Phone['kind']
  readonly isInstalled?: boolean
  readonly isOnline?: boolean
  /** Of those that match, 0 to 1; drawn from the crowd's randomness. */
  readonly share?: number
  /** Of those that match, at most; drawn as well. */
  readonly count?: number
}

/** Makes the phones; `register()` opens them. The caller closes the crowd. */
export function createCrowd(options: CrowdOptions): Crowd {
  return new Crowd(options)
}

export class Crowd {
  readonly #phones: Phone[] = []
  readonly #options: CrowdOptions
  readonly #apis = new Map<string, DeviceApi>()
  readonly #receipts: ReceiptPost
  readonly #random: Random
  readonly #homes = new Map<string, PhoneHome>()
  #registered = 0
  #failed = 0

  constructor(options: CrowdOptions) {
    const { mix, count } = options
    this.#options = options
    // Phones of one seed are one phone. A seeded source comes to no number twice; of 10,000 drawn freely one in 86 crowds has two alike.
    this.#random = options.random ?? seededRandom(drawSeed(Math.random))
    this.#receipts = new ReceiptPost(seededRandom(drawSeed(this.#random)), options.receipts)
    const home = this.#homeOf({})
    for (let i = 0; i < count; i++) this.#add(pickPlatform(mix, this.#random), home)
  }

  get phones(): readonly Phone[] {
    return this.#phones
  }

  /** More phones, not installed yet. */
  add(platform: PhonePlatform, count: number, habits: PhoneHabits = {}): Phone[] {
    const home = this.#homeOf(habits)
    return Array.from({ length: count }, () => this.#add(platform, home))
  }

  /** One more phone, drawn from the mix, not installed yet. */
  draw(mix: readonly CrowdShare[], habits: PhoneHabits = {}): Phone {
    return this.#add(pickPlatform(mix, this.#random), this.#homeOf(habits))
  }

  /** Each of them on another phone as well, from its backup. */
  restore(phones: readonly Phone[], options: { readonly keepsHwid: boolean }): Phone[] {
    return phones.map(phone => this.restoreOne(phone, options))
  }

  restoreOne(phone: Phone, options: { readonly keepsHwid: boolean }): Phone {
    const restored = phone.restoreBackup({ ...options, number: this.#phones.length })
    this.#phones.push(restored)
    return restored
  }

  /** Oldest first. The same choices in the same order choose the same phones for the same seed. */
  choose(choice: PhoneChoice = {}): Phone[] {
    const { numbers, share = 1, count = Number.POSITIVE_INFINITY } = choice
    const known = numbers === undefined ? this.#phones : numbers.flatMap(number => this.#phones[number] ?? [])
    const matching = known.filter(phone => matches(phone, choice))
    const wanted = Math.min(count, Math.round(share * matching.length))
    if (wanted >= matching.length) return matching
    return shuffled(this.#random, matching)
      .slice(0, wanted)
      .sort((a, b) => a.number - b.number)
  }

  /** Gives the phones their tokens, in their order, so that a seed gives the same ones again. */
  async install(phones: readonly Phone[] = this.#phones): Promise<void> {
    for (const phone of phones) await phone.install()
  }

  /** Opens the phones, all of them by default. One that fails is counted and left out; it can be opened again. */
  register(phones: readonly Phone[] = this.#phones): Promise<CrowdResult> {
    const { onProgress } = this.#options
    return this.each(phones, async phone => {
      await phone.open().then(
        () => this.#registered++,
        (cause: unknown) => {
          this.#failed++
          throw cause
        },
      )
      onProgress?.(this.#registered, this.#phones.length)
    })
  }

  /** Does it for each of them, phones or their people, a few at a time. */
  async each<One>(ones: readonly One[], act: (one: One) => unknown): Promise<CrowdResult> {
    const { concurrency = 64 } = this.#options
    const queue = ones.values()
    let done = 0
    let failed = 0
    let reason: string | undefined
    const work = async () => {
      for (const one of queue)
        try {
          await act(one)
          done++
        } catch (cause) {
          failed++
          reason ??= cause instanceof Error ? cause.message : String(cause)
        }
    }
    await Promise.all(Array.from({ length: concurrency }, work))
    return { done, failed, ...(reason !== undefined && { reason }) }
  }

  counts(): CrowdCounts {
    const sum = (of: (phone: Phone) => number) => this.#phones.reduce((total, phone) => total + of(phone), 0)
    return {
      registered: this.#registered,
      failed: this.#failed,
      shown: sum(phone => phone.shownCount),
      repeats: sum(phone => phone.repeats),
      ignored: sum(phone => phone.ignored),
      receipts: this.#receipts.counts(),
    }
  }

  /** Posts at once what waits for another try. */
  flushReceipts(): void {
    this.#receipts.flush()
  }

  /** Settles when all receipts of what arrived so far are posted. */
  settled(): Promise<void> {
    return this.#receipts.settled()
  }

  close(): void {
    for (const phone of this.#phones) phone.close()
    this.#receipts.close()
    for (const api of this.#apis.values()) api.close()
  }

  /** One for all phones of the same habits: there may be half a million of them. */
  #homeOf({ roost = this.#options.roost, openRate = this.#options.openRate ?? 0 }: PhoneHabits): PhoneHome {
    const access = JSON.stringify([roost.baseUrl, roost.app, roost.deviceToken])
    const api = this.#apis.get(access) ?? new DeviceApi(roost)
    this.#apis.set(access, api)
    const name = `${openRate} ${access}`
    const { simulator, tagsFor } = this.#options
    const common = { simulator, api, receipts: this.#receipts, openRate, tagsFor }
    const home = this.#homes.get(name) ?? { ...common, keepsShown: false, language: 'en', timezone: 0 }
    this.#homes.set(name, home)
    return home
  }

  #add(platform: PhonePlatform, home: PhoneHome): Phone {
    const number = this.#phones.length
    const userId = this.#options.userIdFor?.(number)
    const phone = new Phone(home, { number, platform, seed: drawSeed(this.#random), userId })
    this.#phones.push(phone)
    return phone
  }
}

function matches(phone: Phone, { kind, isInstalled, isOnline }: PhoneChoice): boolean {
  return (
    (kind === undefined || phone.kind === kind) &&
    (isInstalled === undefined || (phone.token !== undefined) === isInstalled) &&
    (isOnline === undefined || phone.isOnline === isOnline)
  )
}

function pickPlatform(mix: readonly CrowdShare[], random: Random): PhonePlatform {
  let point = random() * mix.reduce((total, share) => total + share.weight, 0)
  for (const { platform, weight } of mix) {
    point -= weight
    if (point < 0) return platform
  }
  throw new Error('the mix of a crowd needs a share with a weight above 0')
}
