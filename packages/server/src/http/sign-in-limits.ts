/**
 * How often somebody may try to sign in: of each client, and of each name. A client is an IPv4 address or the /48 of an IPv6 one.
 *
 * Whoever guesses at a name must not lock its owner out. So a client that has signed in with a name before is limited by itself alone, and
 * any other has a few tries of its own before what all strangers together try counts against it.
 *
 * A private address may be a proxy that ROOST_TRUSTED_PROXIES does not name, with everybody behind it: there the name does not count, or one
 * stranger would lock all others out. Source of what a client is: http/limits.ts.
 */
import { PushError } from '@roost/protocol'
import type { Clock } from '../time.ts'
import { clientOf, isOwn } from './client-address.ts'
import { Bucket, Recent } from './limits.ts'

/** So many at once, and so many in a minute after that. */
const CLIENT = { atOnce: 10, aMinute: 10 } as const
const OWN_CLIENT = { atOnce: 60, aMinute: 60 } as const
/** A client's own tries at a name. */
const PAIR = { atOnce: 3, aMinute: 1 / 60 } as const
/** Of all clients that have never signed in with the name, beyond their own tries. */
const NAME = { atOnce: 20, aMinute: 1 } as const
/** Of this and of the generation before; 200 bytes each. */
const REMEMBERED = 20_000

export interface SignInTry {
  /** Has signed in with this name from there since the server started. */
  readonly isKnown: boolean
  /** It was right, or nothing was tried. */
  giveBack(): void
  /** It was right: the client is known from now on. */
  succeed(): void
}

export class SignInLimits {
  readonly #clock: Clock
  readonly #buckets = new Recent<string, Bucket>(REMEMBERED)
  readonly #known = new Recent<string, true>(REMEMBERED)

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** To be called before the password is looked at, so that many at once are counted, too. Throws `rate_limited`. */
  take(name: string, ip: string): SignInTry {
    const client = siteOf(ip)
    const pair = `${client} ${name}`
    const isKnown = !isOwn(ip) && this.#known.get(pair) === true
    const taken = [this.#take(`client ${client}`, isOwn(ip) ? OWN_CLIENT : CLIENT, `the address ${ip}`)]
    if (!isKnown && !isOwn(ip)) taken.push(this.#takeOfName(name, pair))
    const giveBack = () => {
      for (const bucket of taken.splice(0)) bucket.giveBack()
    }
    const succeed = () => {
      giveBack()
      this.#known.set(pair, true)
    }
    return { isKnown, giveBack, succeed }
  }

  #takeOfName(name: string, pair: string): Bucket {
    const own = this.#bucket(`pair ${pair}`, PAIR)
    if (own.take(this.#clock.now()) === 0) return own
    return this.#take(`name ${name}`, NAME, 'this name')
  }

  #take(key: string, limit: typeof CLIENT | typeof OWN_CLIENT | typeof NAME, what: string): Bucket {
    const bucket = this.#bucket(key, limit)
    const wait = bucket.take(this.#clock.now())
    if (wait > 0)
      throw new PushError('rate_limited', `${what} was tried too often`, { retryAfterSeconds: wait })
    return bucket
  }

  #bucket(key: string, { atOnce, aMinute }: { readonly atOnce: number; readonly aMinute: number }): Bucket {
    const known = this.#buckets.get(key)
    if (known !== undefined) return known
    const bucket = new Bucket(aMinute / 60, atOnce, this.#clock.now())
    this.#buckets.set(key, bucket)
    return bucket
  }
}

/** One line may be given a /48 whole (RFC 6177). */
function siteOf(ip: string): string {
  return clientOf(ip).split(':').slice(0, 3).join(':')
}
