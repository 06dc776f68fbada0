/** What an import would bring, without storing anything: rows by platform, app version and age of the last sign of life. */
import type { AddressPolicy, ImportDryRun } from '@roost/protocol'
import type { ReadBlock } from './import.ts'
import { isOverdue } from './overdue.ts'

const DAY_MS = 24 * 60 * 60_000
const AGES = [
  { days: 1, words: 'today' },
  { days: 7, words: 'within 7 days' },
  { days: 30, words: 'within 30 days' },
  { days: 90, words: 'within 90 days' },
  { days: 270, words: 'within 270 days' },
] as const
/** A file with a version for each row must not fill the memory. */
const COHORTS_MAX = 2000
const REASONS_MAX = 200

export class CohortReport {
  readonly #cohorts = new Map<string, { rows: number; withToken: number }>()
  readonly #reasons = new Map<string, number>()
  #rows = 0
  #accepted = 0
  #withToken = 0
  #overdue = 0

  /** `asOf`: when the file was made, ms; `now` likewise. */
  add(
    { devices, refusals }: ReadBlock,
    { asOf, now, policy }: { readonly asOf: number; readonly now: number; readonly policy: AddressPolicy },
  ): void {
    this.#rows += devices.length + refusals.length
    this.#accepted += devices.length
    for (const { device } of devices) {
      if (device.address !== null) this.#withToken++
      if (isOverdue(device, { policy, now })) this.#overdue++
      const age = device.isDated ? ageOf(asOf - device.at) : 'unknown'
      this.#count(device.platform ?? 'unknown', device.appVersion ?? 'unknown', age, device.address !== null)
    }
    for (const { code, detail } of refusals) {
      const key = JSON.stringify([code, detail])
      const slot =
        this.#reasons.has(key) || this.#reasons.size < REASONS_MAX ? key : JSON.stringify([code, 'other'])
      this.#reasons.set(slot, (this.#reasons.get(slot) ?? 0) + 1)
    }
  }

  #count(platform: string, appVersion: string, age: string, hasToken: boolean): void {
    const key = JSON.stringify([platform, appVersion, age])
    const isKnown = this.#cohorts.has(key) || this.#cohorts.size < COHORTS_MAX
    const slot = isKnown ? key : JSON.stringify([platform, 'other', age])
    const cohort = this.#cohorts.get(slot) ?? { rows: 0, withToken: 0 }
    cohort.rows++
    if (hasToken) cohort.withToken++
    this.#cohorts.set(slot, cohort)
  }

  result(): ImportDryRun {
    const cohorts = [...this.#cohorts].map(([key, counts]) => {
      const [platform = '', appVersion = '', lastSeen = ''] = JSON.parse(key) as string[]
      return { platform, appVersion, lastSeen, ...counts }
    })
    const reasons = [...this.#reasons].map(([key, rows]) => {
      const [code = '', detail = ''] = JSON.parse(key) as string[]
      return { code, detail, rows }
    })
    return {
      rows: this.#rows,
      accepted: this.#accepted,
      refused: this.#rows - this.#accepted,
      withToken: this.#withToken,
      overdue: this.#overdue,
      reasons: reasons.sort((a, b) => b.rows - a.rows),
      cohorts: cohorts.sort((a, b) => b.rows - a.rows),
    }
  }
}

function ageOf(ms: number): string {
  return AGES.find(it => ms <= it.days * DAY_MS)?.words ?? 'longer ago'
}
