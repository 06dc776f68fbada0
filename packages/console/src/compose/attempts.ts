/**
 * The idempotency key of what is sent: the server answers the same key with the same body by the message that there is, so
 * neither a double click nor a repeat after a lost answer sends twice.
 *
 * A key stays with its draft until a message was made of it. What was refused has used up nothing. A draft that was
 * changed after an answer was lost is refused by the server with `idempotency_key_reused`: it may have been sent as it
 * was before, and somebody has to say whether it is to be sent again.
 * Source: docs/messages.md, "idempotencyKey": for 24 hours.
 */

export interface KeyStore {
  getItem(name: string): string | null
  setItem(name: string, value: string): void
  removeItem(name: string): void
}

const MADE_OF = crypto.getRandomValues.bind(crypto)

/** 128 bits; `crypto.randomUUID` is there in secure contexts alone, and a console may be opened over plain HTTP. */
export function newKey(fill: (bytes: Uint8Array<ArrayBuffer>) => Uint8Array = MADE_OF): string {
  return [...fill(new Uint8Array(16))].map(byte => byte.toString(16).padStart(2, '0')).join('')
}

/** Keys of drafts, kept as long as they: also a repeat after a reload carries the same one. */
export class Attempts {
  readonly #store: KeyStore
  readonly #name: string
  #key: string | undefined

  constructor(store: KeyStore, draftName: string) {
    this.#store = store
    this.#name = `${draftName}.key`
  }

  /** The same until `end`. */
  key(): string {
    this.#key ??= this.#read() ?? newKey()
    this.#write(this.#key)
    return this.#key
  }

  /** It was taken, or somebody wants it as another one: what comes next is something else. */
  end(): void {
    this.#key = undefined
    try {
      this.#store.removeItem(this.#name)
    } catch {
      // a browser that keeps nothing: the key in hand is gone, which is what counts
    }
  }

  #read(): string | undefined {
    try {
      return this.#store.getItem(this.#name) ?? undefined
    } catch {
      return undefined
    }
  }

  #write(key: string): void {
    try {
      this.#store.setItem(this.#name, key)
    } catch {
      // it is still kept as long as the page is open
    }
  }
}
