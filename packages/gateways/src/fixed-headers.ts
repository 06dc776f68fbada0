/**
 * Fixed headers by key, the same object for as long as their authorization stays the same: the transport encodes each
 * object once per connection.
 */
import type { FixedHeaders } from './transport.ts'

/** Origins of Web Push come from clients and may be many; a fresh start costs one encoding each. */
const MAX_KEYS = 1000

export class FixedHeadersCache {
  readonly #byKey = new Map<string, FixedHeaders>()

  /** `constant` is called when there is no object for this key and authorization yet. */
  get(key: string, authorization: string, constant: () => FixedHeaders['constant']): FixedHeaders {
    const known = this.#byKey.get(key)
    if (known?.secret.authorization === authorization) return known
    if (this.#byKey.size >= MAX_KEYS) this.#byKey.clear()
    const fixed = { constant: constant(), secret: { authorization } }
    this.#byKey.set(key, fixed)
    return fixed
  }
}
