/** A person with a phone, and what may happen to them: each of it tells the book what is true. */
import type { Phone } from '../phones/phone.ts'
import type { Random } from '../randomness.ts'
import type { Book, EndCause } from './book.ts'
import { BACK_AT_ONCE, BACK_LATER, CHANGES_MIND, type Happening, KEEPS_HWID } from './habits.ts'

export const HALVES_A_DAY = 2

/**
 *     waiting --installs--> using --removes it--> without --comes back--> using
 *                             ├--is away--> away --is back--> using
 *                             └--loses the phone--> lost
 */
export interface Person {
  /** The one in use. */
  phone: Phone
  readonly random: Random
  /** How likely the app is opened in a half of a day. */
  readonly opens: number
  state: 'waiting' | 'using' | 'without' | 'away' | 'lost'
  /** Notifications are switched off in the app. */
  isOff: boolean
}

export type Act = (person: Person) => Promise<void> | void

/** What is around the people. */
export interface Scene {
  readonly book: Book
  now(): number
  /** Half days from now; 0 is still in this one. */
  plan(inHalves: number, person: Person, act: Act): void
  /** Another phone of theirs from the backup of the one in use. */
  restore(person: Person, keepsHwid: boolean): Phone
}

/** The app comes to the front and calls as its client does. */
export async function open({ book, now }: Scene, person: Person): Promise<void> {
  const { phone, isOff } = person
  if (isOff) await phone.start()
  else await phone.open()
  book.opened(phone, now())
  if (isOff) return
  if (phone.token === undefined) book.unregistered(phone)
  else book.registered(phone, now())
}

export async function install(scene: Scene, person: Person): Promise<void> {
  person.state = 'using'
  person.isOff = false // the app asks anew
  await open(scene, person)
}

type Happens = (scene: Scene, person: Person) => Promise<void> | void

/** To people who use the app. */
export const HAPPENS: Readonly<Record<Happening, Happens>> = {
  uninstall: (scene, person) => {
    removeApp(scene, person.phone, 'uninstalled')
    person.state = 'without'
    const fate = person.random()
    const later = 2 + draw(person, 13 * HALVES_A_DAY)
    if (fate < BACK_AT_ONCE) scene.plan(1, person, returning(scene))
    else if (fate < BACK_AT_ONCE + BACK_LATER) scene.plan(later, person, returning(scene))
  },
  'new-token': async ({ book, now }, { phone, isOff }) => {
    if (isOff || phone.token === undefined) return
    await phone.refreshToken()
    book.registered(phone, now())
  },
  'new-phone': async (scene, person) => {
    const former = person.phone
    person.phone = scene.restore(person, keepsHwid(person))
    scene.plan(2 + draw(person, 10 * HALVES_A_DAY), person, () => removeApp(scene, former, 'cleared'))
    await install(scene, person)
  },
  forbid: (scene, person) => {
    const { phone } = person
    if (!phone.isPermitted) return
    if (phone.kind === 'web') scene.book.ended(phone, 'forbidden', scene.now())
    phone.losePermission()
    changeMind(scene, person, async () => {
      await phone.regainPermission()
      person.isOff = false
      scene.book.opened(phone, scene.now())
      scene.book.registered(phone, scene.now())
    })
  },
  'switch-off': async (scene, person) => {
    if (person.isOff) return
    person.isOff = true
    await person.phone.unregister()
    scene.book.unregistered(person.phone)
    changeMind(scene, person, async () => {
      person.isOff = false
      await open(scene, person)
    })
  },
  'go-offline': (scene, person) => {
    person.state = 'away'
    person.phone.goOffline()
    scene.plan((2 + draw(person, 22)) * HALVES_A_DAY, person, async () => {
      person.phone.goOnline()
      person.state = 'using'
      await open(scene, person)
    })
  },
  'lose-phone': ({ book }, person) => {
    person.state = 'lost'
    person.phone.goOffline()
    book.lost(person.phone)
  },
}

function returning(scene: Scene): Act {
  return async person => {
    if (!keepsHwid(person)) person.phone = scene.restore(person, false)
    await install(scene, person)
  }
}

/** Sometimes, within three weeks; nothing comes of it when they have another phone by then, or none. */
function changeMind(scene: Scene, person: Person, act: () => Promise<void>): void {
  const { phone } = person
  if (person.random() >= CHANGES_MIND) return
  scene.plan(2 + draw(person, 20 * HALVES_A_DAY), person, async () => {
    if (person.state === 'using' && person.phone === phone) await act()
  })
}

/** Nobody tells the server. */
function removeApp({ book, now }: Scene, phone: Phone, cause: EndCause): void {
  book.ended(phone, cause, now())
  phone.uninstall()
}

function keepsHwid(person: Person): boolean {
  return person.random() < KEEPS_HWID
}

/** A whole number from 0 to below `below`. */
function draw(person: Person, below: number): number {
  return Math.floor(person.random() * below)
}
