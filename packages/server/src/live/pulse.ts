/**
 * The heartbeat of many connections: each is looked after once a round, and a round is made in steps, so that fifty thousand of them
 * neither have a timer each nor all their turn at the same moment.
 */
export class Pulse<Item> {
  readonly #slots: readonly Set<Item>[]
  readonly #slotOf = new Map<Item, Set<Item>>()
  #next = 0
  #step = 0

  constructor(steps: number) {
    this.#slots = Array.from({ length: steps }, () => new Set<Item>())
  }

  get size(): number {
    return this.#slotOf.size
  }

  has(item: Item): boolean {
    return this.#slotOf.has(item)
  }

  add(item: Item): void {
    const slot = this.#slots[this.#next++ % this.#slots.length] as Set<Item>
    slot.add(item)
    this.#slotOf.set(item, slot)
  }

  delete(item: Item): void {
    this.#slotOf.get(item)?.delete(item)
    this.#slotOf.delete(item)
  }

  /** Those whose turn it is; each call is one step of the round. */
  beat(): readonly Item[] {
    return [...(this.#slots[this.#step++ % this.#slots.length] as Set<Item>)]
  }

  all(): Iterable<Item> {
    return this.#slotOf.keys()
  }
}
