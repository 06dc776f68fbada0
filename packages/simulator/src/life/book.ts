/**
 * The book of a population's life: what happened day by day in truth, and what a server can know of it by the end of each
 * day.
 *
 * The two differ: nobody tells a server that an app was removed. It learns of it when a gateway answers that the token is
 * gone (Apple's answers come days late), when another token is registered, or never.
 *
 *     registers --> in the base --its gateway tells, or the app unregisters--> out --registers--> in the base (restored)
 *                      └--registers another token (superseded)--┘
 *
 * What a gateway told counts for the day in which the book is asked to listen, so whoever wants it to the day sends no
 * pushes between the end of one day and the beginning of the next.
 */
import type { GatewayName, ToldEnd } from '../gateway/tally.ts'
import type { PhoneKind } from '../phones/display.ts'
import type { Phone } from '../phones/phone.ts'

/** What is counted as it happens. */
const COUNTED = [
  /** Devices that a server was told of for the first time. */
  'installs',
  /** Times that the app came to the front. */
  'opens',
  /** Devices that did so. */
  'openers',
  /** Apps that were removed. */
  'uninstalls',
  /** Phones that were emptied after another one had taken their place. */
  'cleared',
  /** Phones that are gone for good without a word to anybody. */
  'lost',
  /** Addresses that were in the base when their gateway told of their end. */
  'dead',
  /** Registrations of another token in place of one that was in the base. */
  'superseded',
  /** Registrations of devices that had been in the base and were out of it. */
  'restored',
  /** Devices that left the base by their own word. */
  'unregistered',
  /** Devices that a server has let go of, since they had not opened the app for long. */
  'inactive',
] as const
export type Counted = (typeof COUNTED)[number]

export interface BookDay extends Readonly<Record<Counted, number>>, Census {
  /** From 0 on. */
  readonly day: number
  /** Of `dead`: by gateway. */
  readonly deadBy: Readonly<Record<GatewayName, number>>
}

/** How things stand; in a page, at the end of its day. */
export interface Census {
  /** Devices that a server was told of so far. */
  readonly devices: number
  /** Those of them whose address is in the base, as far as anybody has told. */
  readonly inBase: number
  readonly inBaseBy: Readonly<Record<PhoneKind, number>>
  /** Of `inBase`: those who said that they may show nothing. */
  readonly optedOut: number
  /** Of `inBase`: those whose app, or whole phone, is gone. */
  readonly gone: number
  /** Of `inBase`: those who would see a push. */
  readonly reachable: number
}

/** Why a token is good for nothing any more. */
export type EndCause = 'uninstalled' | 'cleared' | 'forbidden'

export interface TokenEnd {
  readonly hwid: string
  readonly kind: PhoneKind
  readonly token: string
  readonly cause: EndCause
  readonly day: number
  readonly atMs: number
  /** Undefined while its gateway has told nobody. */
  readonly told: (ToldEnd & { readonly day: number }) | undefined
  /** Whether it was in the base then. */
  readonly wasInBase: boolean
  /** When its device registered again after that; undefined while it has not, or when it was not in the base. */
  readonly backAtMs: number | undefined
}

interface Device {
  readonly kind: PhoneKind
  /** The one that called last; another one when it was restored from a backup. */
  phone: Phone
  token: string | undefined
  standing: 'new' | 'in' | 'dead' | 'inactive' | 'unregistered'
  isOptedOut: boolean
  lastOpenDay: number
  /** Since then it was neither opened nor given a token or brought back; what its phone opened by a push is the phone's to know. */
  quietSinceMs: number
  /** By which it left the base. */
  death: { -readonly [Name in keyof TokenEnd]: TokenEnd[Name] } | undefined
}

export class Book {
  readonly #devices = new Map<string, Device>()
  readonly #days: BookDay[] = []
  readonly #told: TokenEnd[] = []
  readonly #lost = new Set<Phone>()
  #untold: TokenEnd[] = []
  #counts = noCounts()
  #deadBy = noDeaths()

  /** The day that is being written. */
  get day(): number {
    return this.#days.length
  }

  /** Days that are over. */
  get days(): readonly BookDay[] {
    return this.#days
  }

  /** Every token that ended otherwise than by a new one of its app; told ones first. */
  get ends(): readonly TokenEnd[] {
    return [...this.#told, ...this.#untold]
  }

  /** An open brings back who was let go of. */
  opened(phone: Phone, atMs: number): void {
    const device = this.#device(phone)
    this.#counts.opens++
    if (device.lastOpenDay !== this.day) this.#counts.openers++
    device.lastOpenDay = this.day
    device.quietSinceMs = atMs
    if (device.standing === 'inactive') this.#restore(device)
  }

  /** Also when its token and its permission are what they were. */
  registered(phone: Phone, atMs: number): void {
    const device = this.#device(phone)
    if (device.death !== undefined) device.death.backAtMs = atMs
    device.death = undefined
    if (device.standing !== 'in' || device.token !== phone.token) device.quietSinceMs = atMs
    if (device.standing === 'new') device.standing = 'in'
    else if (device.standing !== 'in') this.#restore(device)
    else if (device.token !== phone.token) this.#counts.superseded++
    device.token = phone.token
    device.isOptedOut = !phone.isPermitted
  }

  unregistered(phone: Phone): void {
    const device = this.#device(phone)
    if (device.standing === 'in') this.#counts.unregistered++
    if (device.standing !== 'new') device.standing = 'unregistered'
  }

  /** What a server does that lets go of whoever has not opened the app, or a push, since then. */
  letGo(sinceMs: number): void {
    for (const device of this.#devices.values()) {
      if (device.standing !== 'in' || quietSince(device) >= sinceMs) continue
      device.standing = 'inactive'
      this.#counts.inactive++
    }
  }

  /** Before the phone forgets its token. */
  ended(phone: Phone, cause: EndCause, atMs: number): void {
    const { hwid, kind, token } = phone
    if (cause !== 'forbidden') this.#counts[cause === 'cleared' ? 'cleared' : 'uninstalls']++
    if (token === undefined) return
    const end = { hwid, kind, token, cause, day: this.day, atMs }
    this.#untold.push({ ...end, told: undefined, wasInBase: false, backAtMs: undefined })
  }

  lost(phone: Phone): void {
    this.#counts.lost++
    this.#lost.add(phone)
  }

  /** Asks which ends were told by now. */
  listen(toldEnd: (token: string) => ToldEnd | undefined): void {
    const untold: TokenEnd[] = []
    for (const end of this.#untold) {
      const told = toldEnd(end.token)
      if (told === undefined) untold.push(end)
      else this.#hear(end, told)
    }
    this.#untold = untold
  }

  closeDay(): BookDay {
    const closed = { day: this.day, ...this.#counts, deadBy: this.#deadBy, ...this.census() }
    this.#days.push(closed)
    this.#counts = noCounts()
    this.#deadBy = noDeaths()
    return closed
  }

  /** Now, by what was heard so far. */
  census(): Census {
    const inBaseBy = { ios: 0, android: 0, web: 0, hms: 0 }
    let [inBase, optedOut, gone, reachable] = [0, 0, 0, 0]
    for (const device of this.#devices.values()) {
      if (device.standing !== 'in') continue
      const { phone, token, kind, isOptedOut } = device
      const isThere = phone.token === token && !this.#lost.has(phone)
      inBase++
      inBaseBy[kind]++
      if (isOptedOut) optedOut++
      if (!isThere) gone++
      if (isThere && !isOptedOut && phone.isPermitted) reachable++
    }
    return { devices: this.#devices.size, inBase, inBaseBy, optedOut, gone, reachable }
  }

  #hear(end: TokenEnd, told: ToldEnd): void {
    const device = this.#devices.get(end.hwid)
    const wasInBase = device?.standing === 'in' && device.token === end.token
    const heard = { ...end, told: { ...told, day: this.day }, wasInBase }
    this.#told.push(heard)
    if (device === undefined || !wasInBase) return
    device.standing = 'dead'
    device.death = heard
    this.#counts.dead++
    this.#deadBy[told.gateway]++
  }

  #restore(device: Device): void {
    device.standing = 'in'
    this.#counts.restored++
  }

  #device(phone: Phone): Device {
    const known = this.#devices.get(phone.hwid)
    if (known !== undefined) {
      known.quietSinceMs = quietSince(known)
      known.phone = phone
      return known
    }
    const { hwid, kind } = phone
    const device: Device = {
      ...{ kind, phone, token: undefined, standing: 'new', isOptedOut: false },
      lastOpenDay: Number.NEGATIVE_INFINITY,
      quietSinceMs: Number.NEGATIVE_INFINITY,
      death: undefined,
    }
    this.#devices.set(hwid, device)
    this.#counts.installs++
    return device
  }
}

function quietSince({ quietSinceMs, phone }: Device): number {
  return Math.max(quietSinceMs, phone.pushOpenedAtMs ?? Number.NEGATIVE_INFINITY)
}

function noCounts(): Record<Counted, number> {
  return Object.fromEntries(COUNTED.map(name => [name, 0])) as Record<Counted, number>
}

function noDeaths(): Record<GatewayName, number> {
  return { apns: 0, fcm: 0, webPush: 0, hms: 0 }
}
