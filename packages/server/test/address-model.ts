/**
 * The rules of docs/token-life.md, as short as they can be said: what a base must come to, whatever happened in whatever
 * order. One kind of address of one app; devices, tokens and users are numbers.
 *
 * Times are ms of the moves that a test gives its clock; the real time between them is far below what the rules tell apart.
 */
const SKEW_MS = 5000

export type ModelState = 'active' | 'suspect' | 'dead' | 'superseded' | 'moved' | 'quarantined'

export interface ModelAddress {
  state: ModelState
  generation: number
  registeredAt: number
  /** By which message it was removed, when, and its generation since. */
  removed?: { readonly flight: number; readonly at: number; readonly generation: number }
  /** R16: by which alert its death is held, and its generation since. */
  held?: { readonly alert: number; readonly generation: number }
}

/** A send that is under way: what it knew of the address. */
export interface Flight {
  readonly id: number
  readonly device: number
  readonly token: number
  readonly generation: number
  readonly registeredAt: number
  readonly sentAt: number
}

/** `since`: the gateway's own time of the death, after the registration that the flight knew. */
export type ModelAnswer =
  | { readonly kind: 'accepted' }
  | { readonly kind: 'elsewhere' }
  | { readonly kind: 'dead'; readonly since: number | null; readonly heldBy?: number }

export class AddressModel {
  readonly addresses = new Map<string, ModelAddress>()
  /** Of each device that is known; null is a visitor. */
  readonly users = new Map<number, number | null>()
  readonly denied = new Set<number>()
  readonly #granted = new Set<number>()
  readonly #seqs = new Map<number, number>()
  readonly #holders = new Map<number, number>()
  now = 0

  /** R5: whether a later call of the device came before this one; notes its number if not. */
  isStale(device: number, seq: number | null): boolean {
    if (seq === null) return false
    if (seq < (this.#seqs.get(device) ?? 0)) return true
    this.#seqs.set(device, seq)
    return false
  }

  /** Any call but an unregistration makes its device known. */
  meet(device: number): void {
    if (!this.users.has(device)) this.users.set(device, null)
  }

  register(device: number, token: number): void {
    const holder = this.#holders.get(token)
    if (holder !== undefined && holder !== device) {
      this.#end(holder, token, 'moved') // R3
      if (this.denied.has(holder) && !this.#granted.has(device)) this.denied.add(device) // R26
    }
    this.#holders.set(token, device)
    for (const other of this.#tokensOf(device)) if (other !== token) this.#end(device, other, 'superseded') // R2
    const before = this.addresses.get(`${device} ${token}`)
    this.addresses.set(`${device} ${token}`, {
      state: 'active', // R0, R6
      generation: (before?.generation ?? 0) + 1,
      registeredAt: Math.max(this.now, before?.registeredAt ?? Number.NEGATIVE_INFINITY),
    })
  }

  /** Who asks to be left alone stays alone: no undo brings it back. */
  unregister(device: number, by: 'device' | 'sender'): void {
    for (const token of this.#tokensOf(device)) {
      const address = this.addresses.get(`${device} ${token}`)
      if (by === 'sender' && this.#isOfLater(address)) continue // R5
      this.#end(device, token, 'dead')
      if (by === 'device' && address?.state === 'dead') delete address.removed
    }
  }

  erase(device: number): void {
    for (const token of this.#tokensOf(device)) {
      this.addresses.delete(`${device} ${token}`)
      if (this.#holders.get(token) === device) this.#holders.delete(token)
    }
    this.users.delete(device)
    this.denied.delete(device)
    this.#granted.delete(device)
    this.#seqs.delete(device)
  }

  /** R26. */
  permit(device: number, isGranted: boolean): void {
    const [to, from] = isGranted ? [this.#granted, this.denied] : [this.denied, this.#granted]
    to.add(device)
    from.delete(device)
  }

  /** A sender ends the token that it names, and no other of the device. */
  unregisterToken(token: number): void {
    const holder = this.#holders.get(token)
    if (holder === undefined || this.#isOfLater(this.addresses.get(`${holder} ${token}`))) return
    this.#end(holder, token, 'dead')
  }

  /** The clock was set back since. */
  #isOfLater(address: ModelAddress | undefined): boolean {
    return address !== undefined && address.registeredAt > this.now
  }

  /** What a message to the device would be sent to. */
  sendable(device: number): { readonly token: number; readonly address: ModelAddress } | undefined {
    for (const token of this.#tokensOf(device)) {
      const address = this.addresses.get(`${device} ${token}`)
      if (address !== undefined && isSendable(address)) return { token, address }
    }
    return undefined
  }

  answer(flight: Flight, answer: ModelAnswer): void {
    const address = this.addresses.get(`${flight.device} ${flight.token}`)
    if (address === undefined || !isSendable(address)) return
    const isOfNow = address.generation === flight.generation // R1c
    if (answer.kind === 'accepted') {
      if (isOfNow && address.state === 'suspect') this.#become(address, 'active')
    } else if (answer.kind === 'elsewhere') {
      if (isOfNow) this.#remove(flight, address, 'quarantined') // R14
    } else if (isOfNow) this.#judge(flight, address, answer)
    else if (address.state === 'active' && answer.since !== null && answer.since >= address.registeredAt)
      this.#become(address, 'suspect') // race A2
  }

  /** R1, R1b, R16. */
  #judge(flight: Flight, address: ModelAddress, { since, heldBy }: ModelAnswer & { kind: 'dead' }): void {
    const after = since === null ? Number.POSITIVE_INFINITY : since - address.registeredAt
    if (after < -SKEW_MS) return
    const isConfirmed = address.state === 'suspect' && flight.sentAt >= address.registeredAt
    if (after <= SKEW_MS && !isConfirmed) return this.#become(address, 'suspect')
    if (heldBy === undefined) return this.#remove(flight, address, 'dead')
    if (address.held?.alert === heldBy && address.held.generation === address.generation) return
    this.#become(address, 'suspect')
    address.held = { alert: heldBy, generation: address.generation }
  }

  /** R16: people release the deaths that an alert holds, or forget them. */
  decide(alert: number, isReleased: boolean): void {
    for (const address of this.addresses.values()) {
      const isHeld = address.held?.alert === alert && address.held.generation === address.generation
      if (isHeld && address.state === 'suspect') this.#become(address, isReleased ? 'dead' : 'active')
    }
  }

  /** What a message removed comes back, unless something has happened since (R2, R3, R6). */
  undo(flight: Flight): void {
    const address = this.addresses.get(`${flight.device} ${flight.token}`)
    const removed = address?.removed
    if (address === undefined || removed?.flight !== flight.id || removed.generation !== address.generation)
      return
    if (removed.at > this.now) return // the clock was set back: for it, that is to come
    if (this.#holders.get(flight.token) !== flight.device) return
    if (this.sendable(flight.device) === undefined) this.#become(address, 'active')
  }

  #tokensOf(device: number): number[] {
    return [...this.addresses.keys()]
      .map(key => key.split(' ').map(Number) as [number, number])
      .filter(([of]) => of === device)
      .map(([, token]) => token)
  }

  #end(device: number, token: number, state: ModelState): void {
    const address = this.addresses.get(`${device} ${token}`)
    if (address !== undefined && (isSendable(address) || address.state === 'quarantined'))
      this.#become(address, state)
  }

  #remove(flight: Flight, address: ModelAddress, state: ModelState): void {
    this.#become(address, state)
    address.removed = { flight: flight.id, at: this.now, generation: address.generation }
  }

  #become(address: ModelAddress, state: ModelState): void {
    address.state = state
    address.generation++
  }
}

function isSendable({ state }: ModelAddress): boolean {
  return state === 'active' || state === 'suspect'
}
