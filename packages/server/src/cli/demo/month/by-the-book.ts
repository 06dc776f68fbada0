/** What the statistics of the base have to be, day by day, if they agree with the book. */
import type { BaseNumbers } from '@roost/protocol'
import type { Book, BookDay } from '@roost/simulator'
import { DAY_MS } from './stage.ts'

export type BaseDay = Omit<BaseNumbers, 'optedOut' | 'optedIn'> & { readonly at: string }

/** `startMs`: midnight (UTC) of its first day. */
export function baseByBook(book: Book, startMs: number): BaseDay[] {
  return book.days.map(day => ({
    at: new Date(startMs + day.day * DAY_MS).toISOString().slice(0, 10),
    ...numbersOf(day),
    ...conclusionsOf(book, day.day),
  }))
}

function numbersOf(day: BookDay): Omit<BaseDay, 'at' | 'uninstalls' | 'replaced'> {
  const { devices, inBase, optedOut, installs, opens, superseded, restored, unregistered, dead, inactive } =
    day
  return {
    devices,
    reachable: inBase - optedOut,
    installs,
    opens,
    registrations: installs + superseded,
    restored,
    unregistrations: unregistered,
    deaths: dead + inactive,
  }
}

/** By the day on which the gateway told; uninstall tracking looks at Apple's and Google's tokens alone. */
export function conclusionsOf(book: Book, day: number): Pick<BaseDay, 'uninstalls' | 'replaced'> {
  const told = book.ends.filter(
    end => end.wasInBase && end.told?.day === day && end.told.gateway !== 'webPush',
  )
  const replaced = told.filter(end => (end.backAtMs ?? Infinity) <= (end.told?.atMs ?? 0) + DAY_MS).length
  return { uninstalls: told.length - replaced, replaced }
}
