/**
 * Many virtual phones in one process, over a few shared connections.
 */
import type { Random } from '../randomness.ts'
import type { Simulator } from '../simulator.ts'
import { DeviceApi, type Fields, type RoostAccess } from './device-api.ts'
import { createPhone, type Phone, type PhonePlatform } from './phone.ts'
import { type ReceiptCounts, type ReceiptOptions, ReceiptPost } from './receipts.ts'

export interface CrowdShare {
  readonly platform: PhonePlatform
  /** Relative to the other shares. */
  readonly weight: number
}

export interface CrowdOptions {
  readonly simulator: Simulator
  readonly roost: RoostAccess
  readonly count: number
  readonly mix: readonly CrowdShare[]
  /** Phones that register at a time; default 64. */
  readonly concurrency?: number
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

/** Makes the phones; `register()` opens them. The caller closes the crowd. */
export function createCrowd(options: CrowdOptions): Crowd {
  return new Crowd(options)
}

export class Crowd {
  readonly phones: readonly Phone[]
  readonly #options: CrowdOptions
  readonly #api: DeviceApi
  readonly #receipts: ReceiptPost
  #registered = 0
  #failed = 0

  constructor(options: CrowdOptions) {
    const { random = Math.random } = options
    this.#options = options
    this.#api = new DeviceApi(options.roost)
    this.#receipts = new ReceiptPost(random, options.receipts)
    this.phones = Array.from({ length: options.count }, (_, index) => this.#createPhone(index, random))
  }

  /** Opens all phones. A phone that fails is counted and left out; it can be opened again by itself. */
  async register(): Promise<void> {
    const { concurrency = 64, onProgress } = this.#options
    await forEach(this.phones, concurrency, async phone => {
      await phone.open().then(
        () => this.#registered++,
        () => this.#failed++,
      )
      onProgress?.(this.#registered, this.phones.length)
    })
  }

  counts(): CrowdCounts {
    const sum = (of: (phone: Phone) => number) => this.phones.reduce((total, phone) => total + of(phone), 0)
    return {
      registered: this.#registered,
      failed: this.#failed,
      shown: sum(phone => phone.shown.length),
      repeats: sum(phone => phone.repeats),
      ignored: sum(phone => phone.ignored),
      receipts: this.#receipts.counts(),
    }
  }

  /** Settles when all receipts of what arrived so far are posted. */
  settled(): Promise<void> {
    return this.#receipts.settled()
  }

  close(): void {
    for (const phone of this.phones) phone.close()
    this.#api.close()
  }

  #createPhone(index: number, random: Random): Phone {
    const { simulator, mix, tagsFor, userIdFor, openRate = 0 } = this.#options
    return createPhone({
      simulator,
      roost: this.#api,
      platform: pickPlatform(mix, random),
      random,
      receipts: this.#receipts,
      openRate,
      ...(tagsFor !== undefined && { tags: tagsFor(index) }),
      ...(userIdFor !== undefined && { userId: userIdFor(index) }),
    })
  }
}

function pickPlatform(mix: readonly CrowdShare[], random: Random): PhonePlatform {
  let point = random() * mix.reduce((total, share) => total + share.weight, 0)
  for (const { platform, weight } of mix) {
    point -= weight
    if (point < 0) return platform
  }
  throw new Error('the mix of a crowd needs a share with a weight above 0')
}

async function forEach<T>(
  items: readonly T[],
  concurrency: number,
  act: (item: T) => Promise<void>,
): Promise<void> {
  const queue = items.values()
  const work = async () => {
    for (const item of queue) await act(item)
  }
  await Promise.all(Array.from({ length: concurrency }, work))
}
