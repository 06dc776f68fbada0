/**
 * How many calls are taken: of each client, of each app, and how many devices a client may add. The device token is
 * public (it lies in every app and page), so anybody can call; what one of them can do must stay small.
 *
 * A client is an IPv4 address or the /64 of an IPv6 one, the smallest that a line is given. Many are given a /48
 * (RFC 6177), so its 65,536 networks may do together what sixteen of them may. A private or loopback address is no client
 * but a proxy or a tool of the operator's own, and is not limited: a proxy that ROOST_TRUSTED_PROXIES does not name
 * would otherwise be taken for one client that makes all the calls.
 *
 * Thousands of honest phones may share an address (RFC 6269, 5), and many of them never repeat a call that was refused. So
 * a device that the base knows is never too many, and the last calls of a client are kept for registrations.
 *
 * Calls are counted as in a bucket that holds a burst and runs full again at the permitted rate. Each server counts for
 * itself; memory is bounded whoever calls.
 */
import { randomBytes } from 'node:crypto'
import { PushError } from '@roost/protocol'
import { hash32 } from '../registry/buckets.ts'
import type { Clock } from '../time.ts'
import { clientOf, isOwn } from './client-address.ts'

export interface CallLimitsOptions {
  /** A second, five times as many at once; 0 = no limit. */
  readonly callsPerApp: number
  /** A minute, as many at once; 0 = no limit. */
  readonly callsPerClient: number
  /** New hwids in an hour; 0 = no limit. */
  readonly devicesPerClient: number
  readonly clock: Clock
  /** Told, once a minute, how many calls were refused since the start: they may be of honest people. */
  readonly onRefused?: (refused: Readonly<Record<LimitName, number>>) => void
}

/** Which limit it was that refused a call. */
export type LimitName = 'app' | 'client' | 'devices' | 'token'

const MINUTE_S = 60
const HOUR_MS = 3_600_000
const APP_BURST_S = 5
/** One part in so many of what a client may do at once is kept for the calls that say who can be reached. */
const KEPT_FOR_REGISTRATIONS = 5
/** A /48 may do what so many of its /64 may. */
const SITE_FACTOR = 16
/** A script with an old token repeats itself; more than this is guessing. */
const WRONG_TOKENS_PER_MINUTE = 60
/** Tries are taken before anything is known of them, and a tool may begin with a hundred calls at once. */
const TOKEN_TRIES_AT_ONCE = 200
/** 16 MiB each, and four times that while they are read. */
const LARGE_BODIES = 8
const LARGE_BODIES_PER_CLIENT = 2
/** Those of the current and of the generation before are remembered; 300 bytes each. */
const CLIENTS_PER_GENERATION = 20_000
/** The same for devices that were let in, 40 bytes each. One that is forgotten costs a look into the base. */
const DEVICES_PER_GENERATION = 100_000

interface Client {
  readonly calls: Bucket
  readonly tokenTries: Bucket
  /** In hand. */
  largeBodies: number
  devices: DeviceBudget
  /** Called with a right server token since then. */
  provenAt: number
}

export class CallLimits {
  readonly #options: CallLimitsOptions
  readonly #apps = new Map<number, Bucket>()
  readonly #clients = new Recent<string, Client>(CLIENTS_PER_GENERATION)
  readonly #admitted = new Recent<number, true>(DEVICES_PER_GENERATION)
  /** So that nobody can choose hwids that are taken for each other. */
  readonly #seed = randomBytes(16).toString('hex')
  readonly #refused: Record<LimitName, number> = { app: 0, client: 0, devices: 0, token: 0 }
  #largeBodies = 0
  #toldAt = Number.NEGATIVE_INFINITY

  constructor(options: CallLimitsOptions) {
    this.#options = options
  }

  /** Calls that were refused since the start, by the limit that refused them. */
  get refused(): Readonly<Record<LimitName, number>> {
    return this.#refused
  }

  /** Throws `rate_limited` when the client calls too often; the last calls of its minute are kept for registrations. */
  takeCall(ip: string, { isRegistration = false }: { readonly isRegistration?: boolean } = {}): void {
    const { callsPerClient, clock } = this.#options
    if (callsPerClient === 0 || isOwn(ip)) return
    for (const { client, factor } of this.#clientsOf(ip)) {
      const kept = isRegistration ? 0 : Math.floor((callsPerClient * factor) / KEPT_FOR_REGISTRATIONS)
      const wait = client.calls.take(clock.now(), kept)
      if (wait > 0)
        this.#refuse(
          'client',
          `the address ${ip} has made more than ${callsPerClient} calls in a minute`,
          wait,
        )
    }
  }

  /** Throws `rate_limited` when all devices of the app together call too often. */
  takeAppCall(appId: number): void {
    const { callsPerApp, clock } = this.#options
    if (callsPerApp === 0) return
    const now = clock.now()
    let bucket = this.#apps.get(appId)
    if (bucket === undefined) {
      bucket = new Bucket(callsPerApp, callsPerApp * APP_BURST_S, now)
      this.#apps.set(appId, bucket)
    }
    const wait = bucket.take(now)
    if (wait > 0) this.#refuse('app', `this app has made more than ${callsPerApp} calls in a second`, wait)
  }

  /**
   * Throws `rate_limited` when the client has added too many devices. `isKnown` asks the base, and is called only for
   * clients that name many: the first half of what they may add is let in unasked.
   */
  async takeDevice(
    ip: string,
    device: { readonly appId: number; readonly hwid: string; readonly isKnown: () => Promise<boolean> },
  ): Promise<void> {
    if (this.#options.devicesPerClient === 0 || isOwn(ip)) return
    const clients = this.#clientsOf(ip)
    const key = hash32(`${this.#seed}${clients[0]?.key} ${device.appId} ${device.hwid}`)
    if (this.#admitted.get(key)) return
    const budgets = clients.map(({ client, factor }) => this.#devicesOf(client, factor))
    if (budgets.every(it => it.unasked > 0)) for (const budget of budgets) budget.unasked--
    else if (!(await device.isKnown())) this.#takeNewDevice(ip, budgets)
    this.#admitted.set(key, true)
  }

  #takeNewDevice(ip: string, budgets: readonly DeviceBudget[]): void {
    const spent = budgets.find(it => it.asked === 0)
    if (spent !== undefined)
      this.#refuse(
        'devices',
        `the address ${ip} has named more than ${this.#options.devicesPerClient} new hwids in an hour`,
        Math.max(1, Math.ceil((spent.until - this.#options.clock.now()) / 1000)),
      )
    for (const budget of budgets) budget.asked--
  }

  #devicesOf(client: Client, factor: number): DeviceBudget {
    const { devicesPerClient, clock } = this.#options
    const now = clock.now()
    if (client.devices.until <= now) {
      const limit = devicesPerClient * factor
      const unasked = Math.floor(limit / 2)
      client.devices = { unasked, asked: limit - unasked, until: now + HOUR_MS }
    }
    return client.devices
  }

  /**
   * To be called before a server token is looked at. Throws `rate_limited` when the client has come with too many wrong
   * ones: then not even a right one is looked at, or guesses would be free. One that has shown a right one within the
   * hour before is spared, since a forgotten script with an old token must not lock out what works beside it.
   */
  takeTokenTry(ip: string): void {
    if (this.#areTokensFree(ip)) return
    const now = this.#options.clock.now()
    for (const { client } of this.#clientsOf(ip)) {
      const wait = client.tokenTries.take(now)
      if (wait > 0 && now - client.provenAt > HOUR_MS)
        this.#refuse('token', `the address ${ip} has come with too many wrong tokens`, wait)
    }
  }

  /** The try is given back. */
  takeRightToken(ip: string): void {
    if (this.#areTokensFree(ip)) return
    for (const { client } of this.#clientsOf(ip)) {
      client.tokenTries.giveBack()
      client.provenAt = this.#options.clock.now()
    }
  }

  /**
   * For a call whose body is read before anything is known of its sender, and is large. Throws `rate_limited` when too
   * many of those are in hand: each holds its bytes, and the time of all to read them. The caller calls what it gets when
   * the call is over.
   */
  takeLargeBody(ip: string): () => void {
    if (this.#areTokensFree(ip)) return () => undefined
    const [own] = this.#clientsOf(ip)
    if (own === undefined || this.#options.clock.now() - own.client.provenAt <= HOUR_MS)
      return () => undefined
    const { client } = own
    if (client.largeBodies >= LARGE_BODIES_PER_CLIENT || this.#largeBodies >= LARGE_BODIES)
      this.#refuse(
        'token',
        'large calls of clients that have shown no server token yet come one after the other',
        1,
      )
    client.largeBodies++
    this.#largeBodies++
    return () => {
      client.largeBodies--
      this.#largeBodies--
    }
  }

  #areTokensFree(ip: string): boolean {
    return this.#options.callsPerClient === 0 || isOwn(ip)
  }

  #refuse(limit: LimitName, message: string, retryAfterSeconds: number): never {
    this.#refused[limit]++
    const now = this.#options.clock.now()
    if (now - this.#toldAt >= MINUTE_S * 1000) {
      this.#toldAt = now
      this.#options.onRefused?.({ ...this.#refused })
    }
    throw new PushError('rate_limited', message, { retryAfterSeconds })
  }

  /** The address itself, and for IPv6 the site that it may belong to. */
  #clientsOf(
    ip: string,
  ): readonly { readonly key: string; readonly client: Client; readonly factor: number }[] {
    const key = clientOf(ip)
    const own = { key, client: this.#client(key, 1), factor: 1 }
    if (!key.includes(':')) return [own]
    const site = key.split(':').slice(0, 3).join(':')
    return [own, { key: site, client: this.#client(site, SITE_FACTOR), factor: SITE_FACTOR }]
  }

  #client(key: string, factor: number): Client {
    const known = this.#clients.get(key)
    if (known !== undefined) return known
    const { callsPerClient, clock } = this.#options
    const calls = callsPerClient * factor
    const tries = TOKEN_TRIES_AT_ONCE * factor
    const client = {
      calls: new Bucket(calls / MINUTE_S, calls, clock.now()),
      tokenTries: new Bucket((WRONG_TOKENS_PER_MINUTE * factor) / MINUTE_S, tries, clock.now()),
      largeBodies: 0,
      devices: { unasked: 0, asked: 0, until: 0 },
      provenAt: Number.NEGATIVE_INFINITY,
    }
    this.#clients.set(key, client)
    return client
  }
}

export class Bucket {
  readonly #perSecond: number
  readonly #burst: number
  #left: number
  #at: number

  constructor(perSecond: number, burst: number, now: number) {
    this.#perSecond = perSecond
    this.#burst = burst
    this.#left = burst
    this.#at = now
  }

  /** Takes one and returns 0, or takes nothing and returns the seconds after which there is one more than `kept`. */
  take(now: number, kept = 0): number {
    const gained = (Math.max(0, now - this.#at) / 1000) * this.#perSecond
    this.#left = Math.min(this.#burst, this.#left + gained)
    this.#at = now
    if (this.#left < 1 + kept) return Math.ceil((1 + kept - this.#left) / this.#perSecond)
    this.#left--
    return 0
  }

  giveBack(): void {
    this.#left++
  }
}

/** How many new devices a client may still add in its hour. */
interface DeviceBudget {
  /** Let in without a look into the base, known or not. */
  unasked: number
  /** New ones after that. */
  asked: number
  readonly until: number
}

/** What was used last: those of the current generation and of the one before. */
export class Recent<Key, Value> {
  readonly #size: number
  #current = new Map<Key, Value>()
  #former = new Map<Key, Value>()

  constructor(size: number) {
    this.#size = size
  }

  get(key: Key): Value | undefined {
    const value = this.#current.get(key)
    if (value !== undefined) return value
    const former = this.#former.get(key)
    if (former !== undefined) this.set(key, former)
    return former
  }

  set(key: Key, value: Value): void {
    if (this.#current.size >= this.#size) {
      this.#former = this.#current
      this.#current = new Map()
    }
    this.#current.set(key, value)
  }
}
