/**
 * How much FCM takes: from a project, for one Android device, and of messages that may be replaced.
 *
 * A project's quota is refilled in full each minute, counted from its first message and not from the clock's minute.
 * Refusals other than 429 count too. A message with a ttl of 0 is not held to the limit of collapsible ones.
 * Source: Firebase, "Throttling and quotas".
 */
import type { FcmRefusal } from './refusals.ts'

const PROJECT_PER_MINUTE = 600_000
const DEVICE_PER_MINUTE = 240
const DEVICE_PER_HOUR = 5000
const COLLAPSIBLE_BURST = 20
const COLLAPSIBLE_REFILL_MS = 180_000
const MINUTE_MS = 60_000
const HOUR_MS = 3_600_000

export interface LimitOptions {
  readonly projectId: string
  /** Default 600 000. */
  readonly perMinute?: number
  /** Absent leaves the header out, as Google sometimes does; `refill` tells the seconds until the quota is full. */
  readonly retryAfter?: string
}

export interface DeviceLimitOptions {
  /** Default 240. */
  readonly perMinute?: number
  /** Default 5000. */
  readonly perHour?: number
  /** Collapsible messages that may come at once, default 20; one more is allowed every three minutes. */
  readonly collapsibleBurst?: number
  /** Absent leaves the header out. */
  readonly retryAfter?: string
}

interface Window {
  startedAtMs: number
  used: number
}

interface DeviceUse {
  readonly minute: Window
  readonly hour: Window
  collapsible: { readonly left: number; readonly atMs: number } | undefined
}

export class Quotas {
  readonly #clock: () => number
  readonly #limits = new Map<string, LimitOptions>()
  readonly #projects = new Map<string, Window>()
  readonly #devices = new Map<string, DeviceUse>()
  #deviceLimit: DeviceLimitOptions = {}

  constructor(clock: () => number) {
    this.#clock = clock
  }

  limitProject(options: LimitOptions): void {
    this.#limits.set(options.projectId, options)
    this.#projects.delete(options.projectId)
  }

  limitDevices(options: DeviceLimitOptions): void {
    this.#deviceLimit = options
    this.#devices.clear()
  }

  /** Whether the project has some of its quota left; uses nothing. */
  checkProject(projectId: string): FcmRefusal | undefined {
    const { perMinute = PROJECT_PER_MINUTE, retryAfter } = this.#limits.get(projectId) ?? {}
    const window = this.#projectWindow(projectId)
    if (window.used < perMinute) return undefined
    const leftMs = window.startedAtMs + MINUTE_MS - this.#clock()
    return throttled(
      'quota_exceeded',
      retryAfter === 'refill' ? String(Math.ceil(leftMs / 1000)) : retryAfter,
    )
  }

  useProject(projectId: string): void {
    this.#projectWindow(projectId).used++
  }

  /** Takes one message for an Android device, or says why it may not be. */
  useDevice(token: string, isCollapsible: boolean): FcmRefusal | undefined {
    const { perMinute = DEVICE_PER_MINUTE, perHour = DEVICE_PER_HOUR, retryAfter } = this.#deviceLimit
    const use = this.#deviceUse(token)
    const collapsibleLeft = isCollapsible ? this.#collapsibleLeft(use) : undefined
    if (use.minute.used >= perMinute || use.hour.used >= perHour)
      return throttled('device_quota_exceeded', retryAfter)
    if (collapsibleLeft !== undefined && collapsibleLeft < 1)
      return throttled('collapsible_quota_exceeded', retryAfter)
    use.minute.used++
    use.hour.used++
    if (collapsibleLeft !== undefined) use.collapsible = { left: collapsibleLeft - 1, atMs: this.#clock() }
    return undefined
  }

  #projectWindow(projectId: string): Window {
    const window = this.#projects.get(projectId) ?? newWindow()
    this.#projects.set(projectId, window)
    return refill(window, MINUTE_MS, this.#clock())
  }

  #deviceUse(token: string): DeviceUse {
    const use = this.#devices.get(token) ?? { minute: newWindow(), hour: newWindow(), collapsible: undefined }
    this.#devices.set(token, use)
    refill(use.minute, MINUTE_MS, this.#clock())
    refill(use.hour, HOUR_MS, this.#clock())
    return use
  }

  #collapsibleLeft({ collapsible }: DeviceUse): number {
    const { collapsibleBurst = COLLAPSIBLE_BURST } = this.#deviceLimit
    if (collapsible === undefined) return collapsibleBurst
    const refilled = (this.#clock() - collapsible.atMs) / COLLAPSIBLE_REFILL_MS
    return Math.min(collapsibleBurst, collapsible.left + refilled)
  }
}

/** Such a refusal counts for no quota itself. */
export function isThrottle(refusal: FcmRefusal | undefined): boolean {
  return refusal?.form.endsWith('quota_exceeded') === true
}

function newWindow(): Window {
  return { startedAtMs: Number.NEGATIVE_INFINITY, used: 0 }
}

function refill(window: Window, lengthMs: number, nowMs: number): Window {
  if (nowMs - window.startedAtMs < lengthMs) return window
  window.startedAtMs = nowMs
  window.used = 0
  return window
}

function throttled(form: FcmRefusal['form'], retryAfter: string | undefined): FcmRefusal {
  return retryAfter === undefined ? { form } : { form, retryAfter }
}
