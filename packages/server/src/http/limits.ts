/**
 * How many calls are taken: of each client, of each app, and for how many devices a client may speak. The device token is
 * public (it lies in every app and page), so anybody can call; what one of them can do must stay small.
 *
 * A client is an IP address, or the /64 of an IPv6 one, since that is what one line is given (RFC 6177). A private or
 * loopback address is no client but a proxy or a tool of the operator's own, and is not limited: a proxy that
 * ROOST_TRUSTED_PROXIES does not name would otherwise be taken for one client that makes all the calls.
 *
 * Calls are counted as in a bucket that holds a burst and runs full again at the permitted rate. Each server counts for
 * itself; memory is bounded whoever calls.
 */
import { randomBytes } from 'node:crypto'
import { isIPv6 } from 'node:net'
import { PushError } from '@roost/protocol'
import { hash32 } from '../registry/buckets.ts'
import type { Clock } from '../time.ts'

export interface CallLimitsOptions {
  /** A second, five times as many at once; 0 = no limit. */
  readonly callsPerApp: number
  /** A minute, as many at once; 0 = no limit. */
  readonly callsPerClient: number
  /** Different hwids in an hour; 0 = no limit. */
  readonly devicesPerClient: number
  readonly clock: Clock
}

const MINUTE_S = 60
const HOUR_MS = 3_600_000
const APP_BURST_S = 5
/** Those of the current and of the generation before are remembered; 200 bytes each, with hwids 2 KB. */
const CLIENTS_PER_GENERATION = 20_000
/** What a proxy passes on may be anything. */
const IPV4_CHARACTERS = 15
/** Bits for each hwid that is permitted: one in sixteen that is new passes for one that was there. */
const BITS_PER_DEVICE = 16

interface Client {
  readonly calls: Bucket
  devices: SeenDevices | undefined
}

export class CallLimits {
  readonly #options: CallLimitsOptions
  readonly #apps = new Map<number, Bucket>()
  #clients = new Map<string, Client>()
  #formerClients = new Map<string, Client>()
  /** So that nobody can choose hwids that are taken for each other. */
  readonly #seed = randomBytes(16).toString('hex')

  constructor(options: CallLimitsOptions) {
    this.#options = options
  }

  /** Throws `rate_limited` when the client calls too often. */
  takeCall(ip: string): void {
    const { callsPerClient, clock } = this.#options
    if (callsPerClient === 0 || isOwn(ip)) return
    const wait = this.#client(ip).calls.take(clock.now())
    if (wait > 0)
      throw limited(`the address ${ip} has made more than ${callsPerClient} calls in a minute`, wait)
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
    if (wait > 0) throw limited(`this app has made more than ${callsPerApp} calls in a second`, wait)
  }

  /** Throws `rate_limited` when the client has spoken for too many devices; those that it named before go on. */
  takeDevice(ip: string, hwid: string): void {
    const { devicesPerClient, clock } = this.#options
    if (devicesPerClient === 0 || isOwn(ip)) return
    const client = this.#client(ip)
    const now = clock.now()
    if (client.devices === undefined || client.devices.until <= now)
      client.devices = new SeenDevices(devicesPerClient, now + HOUR_MS)
    if (!client.devices.take(hash32(this.#seed + hwid)))
      throw limited(
        `the address ${ip} has named more than ${devicesPerClient} different hwids in an hour`,
        Math.ceil((client.devices.until - now) / 1000),
      )
  }

  #client(ip: string): Client {
    const key = keyOf(ip)
    const known = this.#clients.get(key)
    if (known !== undefined) return known
    if (this.#clients.size >= CLIENTS_PER_GENERATION) {
      this.#formerClients = this.#clients
      this.#clients = new Map()
    }
    const client = this.#formerClients.get(key) ?? this.#newClient()
    this.#clients.set(key, client)
    return client
  }

  #newClient(): Client {
    const { callsPerClient, clock } = this.#options
    return {
      calls: new Bucket(callsPerClient / MINUTE_S, callsPerClient, clock.now()),
      devices: undefined,
    }
  }
}

function limited(message: string, retryAfterSeconds: number): PushError {
  return new PushError('rate_limited', message, { retryAfterSeconds })
}

class Bucket {
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

  /** Takes one and returns 0, or takes nothing and returns the seconds after which there is one. */
  take(now: number): number {
    const gained = (Math.max(0, now - this.#at) / 1000) * this.#perSecond
    this.#left = Math.min(this.#burst, this.#left + gained)
    this.#at = now
    if (this.#left < 1) return Math.ceil((1 - this.#left) / this.#perSecond)
    this.#left--
    return 0
  }
}

/** Counts different hwids in bits instead of a set of them ("linear counting"; Whang et al., 1990). */
class SeenDevices {
  readonly #bits: Uint8Array
  readonly until: number
  #left: number

  constructor(limit: number, until: number) {
    this.#bits = new Uint8Array(Math.ceil((limit * BITS_PER_DEVICE) / 8))
    this.#left = limit
    this.until = until
  }

  /** False for one that was not there yet when there may be no more. */
  take(hash: number): boolean {
    const bit = hash % (this.#bits.length * 8)
    const mask = 1 << (bit & 7)
    const byte = this.#bits[bit >> 3] ?? 0
    if ((byte & mask) !== 0) return true
    if (this.#left === 0) return false
    this.#left--
    this.#bits[bit >> 3] = byte | mask
    return true
  }
}

/**
 * Loopback, private use and link-local (IANA's special-purpose registries, RFC 6890); 100.64.0.0/10 is what carriers give
 * to their clients. Patterns, because `BlockList` takes longer than reading the call and throws at what is no address.
 */
const OWN_IPV4 = /^(127|10|192\.168|169\.254|172\.(1[6-9]|2\d|3[01]))\./
const OWN_IPV6 = /^(::1$|f[cd][\da-f]{2}:|fe[89ab][\da-f]:)/i

function isOwn(ip: string): boolean {
  const plain = withoutMapping(ip)
  return OWN_IPV4.test(plain) || OWN_IPV6.test(plain)
}

/** A socket that listens on both shows IPv4 as ::ffff:192.0.2.1 (RFC 4291, 2.5.5.2). */
function withoutMapping(ip: string): string {
  return ip.startsWith('::ffff:') && ip.includes('.') ? ip.slice(7) : ip
}

function keyOf(ip: string): string {
  const plain = withoutMapping(ip)
  return isIPv6(plain) ? networkOf(plain) : plain.slice(0, IPV4_CHARACTERS)
}

/** The first four of the eight groups. */
function networkOf(ip: string): string {
  const [head = '', tail] = ip.split('::')
  const groups = head.split(':').filter(it => it !== '')
  const rest = tail === undefined ? [] : tail.split(':').filter(it => it !== '')
  const zeros = tail === undefined ? 0 : 8 - groups.length - rest.length
  return [...groups, ...Array.from({ length: Math.max(0, zeros) }, () => '0'), ...rest]
    .slice(0, 4)
    .map(it => Number.parseInt(it, 16).toString(16))
    .join(':')
}
