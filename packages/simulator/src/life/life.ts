/**
 * A population that lives with an app, day by day: people install it, open it by their habit, remove it and come back, get
 * new tokens and new phones, forbid notifications and allow them, are away for weeks, and lose their phones. Whoever plays it
 * moves the clock; a day has two halves.
 *
 * What somebody does follows from the seed alone. When a gateway tells of an end does not: it depends on what was sent.
 */
import type { Crowd, CrowdResult, CrowdShare } from '../phones/crowd.ts'
import { drawSeed, type Random, seededRandom } from '../randomness.ts'
import type { Simulator } from '../simulator.ts'
import { Book, type BookDay, type Census } from './book.ts'
import { HABITS, HAPPENINGS, type Happening, RATES, type Rates } from './habits.ts'
import { type Act, HALVES_A_DAY, HAPPENS, install, open, type Person, type Scene } from './person.ts'

export interface LifeOptions {
  readonly simulator: Simulator
  /** Their phones are added to it. */
  readonly crowd: Crowd
  /** Of these kinds. */
  readonly mix: readonly CrowdShare[]
  readonly people: number
  /** Default 1. */
  readonly seed?: number
  /** Of the people: who has the app from the first morning on; default 0.7. */
  readonly presentShare?: number
  /** Within which the others install it; default 30. */
  readonly days?: number
  /** Those that are not given are as `RATES` has them. */
  readonly rates?: Partial<Rates>
}

interface Due {
  readonly person: Person
  readonly act: Act
}

export class Life {
  readonly book = new Book()
  readonly #options: LifeOptions
  readonly #rates: Rates
  readonly #scene: Scene
  readonly #people: readonly Person[]
  /** By half, counted from the first morning. */
  readonly #agenda = new Map<number, Due[]>()
  #half = 0

  /** Makes the people and their phones; nobody has the app yet. */
  constructor(options: LifeOptions) {
    const { simulator, crowd, mix, people, seed = 1, presentShare = 0.7, days = 30 } = options
    const random = seededRandom(seed)
    this.#options = options
    this.#rates = { ...RATES, ...options.rates }
    this.#scene = {
      book: this.book,
      now: () => simulator.now(),
      plan: (inHalves, person, act) => this.#plan(inHalves, { person, act }),
      restore: ({ phone }, keepsHwid) => crowd.restoreOne(phone, { keepsHwid }),
    }
    this.#people = Array.from({ length: people }, () => newPerson(crowd, mix, random))
    for (const person of this.#people) {
      const isPresent = person.random() < presentShare
      const day = isPresent ? 0 : 1 + Math.floor(person.random() * (days - 1))
      this.#plan(day * HALVES_A_DAY, { person, act: () => install(this.#scene, person) })
    }
  }

  /**
   * The next half of the day, morning or evening: what it brings, and who opens the app. Ends when all calls are answered;
   * a call that failed leaves the book ahead of the server.
   */
  async play(): Promise<CrowdResult> {
    this.#listen()
    if (this.#half % HALVES_A_DAY === 0) this.#planDay()
    const due = byPerson(this.#agenda.get(this.#half) ?? [])
    const inclined = this.#people.filter(({ random, opens }) => random() < opens)
    const opening = inclined.filter(person => person.state === 'using' && !due.has(person))
    const result = await this.#options.crowd.each([...due.keys(), ...opening], async person => {
      const acts = due.get(person)
      if (acts === undefined) await open(this.#scene, person)
      else for (const act of acts) await act(person)
    })
    this.#agenda.delete(this.#half++)
    return result
  }

  /** How things stand, as gateways have told by now. */
  census(): Census {
    this.#listen()
    return this.book.census()
  }

  /** After its second half: what the day came to. */
  endDay(): BookDay {
    this.#listen()
    return this.book.closeDay()
  }

  #listen(): void {
    this.book.listen(token => this.#options.simulator.toldEnd(token))
  }

  #planDay(): void {
    for (const person of this.#people) {
      const happening = this.#drawHappening(person.random())
      const half = Math.floor(person.random() * HALVES_A_DAY)
      if (happening !== undefined) this.#plan(half, { person, act: () => this.#happen(happening, person) })
    }
  }

  #drawHappening(drawn: number): Happening | undefined {
    let point = drawn
    return HAPPENINGS.find(name => {
      point -= this.#rates[name]
      return point < 0
    })
  }

  async #happen(happening: Happening, person: Person): Promise<void> {
    if (person.state === 'using') await HAPPENS[happening](this.#scene, person)
  }

  #plan(inHalves: number, due: Due): void {
    const half = this.#half + inHalves
    const planned = this.#agenda.get(half)
    if (planned === undefined) this.#agenda.set(half, [due])
    else planned.push(due)
  }
}

function newPerson(crowd: Crowd, mix: readonly CrowdShare[], random: Random): Person {
  const own = seededRandom(drawSeed(random))
  return { phone: crowd.draw(mix), random: own, opens: drawHabit(own()), state: 'waiting', isOff: false }
}

function drawHabit(drawn: number): number {
  let point = drawn
  const habit = HABITS.find(({ share }) => {
    point -= share
    return point < 0
  })
  return habit?.opens ?? 0
}

function byPerson(dues: readonly Due[]): ReadonlyMap<Person, readonly Act[]> {
  const acts = new Map<Person, Act[]>()
  for (const { person, act } of dues) {
    const own = acts.get(person)
    if (own === undefined) acts.set(person, [act])
    else own.push(act)
  }
  return acts
}
