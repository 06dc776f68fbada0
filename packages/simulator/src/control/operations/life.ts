/** People who live with an app, day by day, and the book of it. */
import { setTimeout as pause } from 'node:timers/promises'
import type { BookDay } from '../../life/book.ts'
import { HAPPENINGS, type Happening } from '../../life/habits.ts'
import { HALVES_A_DAY } from '../../life/person.ts'
import type { Field } from '../fields.ts'
import { count, duration, InputError, object, optional, share } from '../fields.ts'
import { type Operation, operation, type World } from '../operation.ts'
import { habitsOf, POPULATION } from '../population.ts'

const { ios, android, web, hms, seed, openRate, receipts, server, app, deviceToken } = POPULATION
type OptionalShare = Field<number> & { readonly isOptional: true }
const RATES = Object.fromEntries(HAPPENINGS.map(name => [name, optional(share())])) as {
  readonly [name in Happening]: OptionalShare
}

export const LIFE: readonly Operation[] = [
  operation('life.begin', 'POST /life', {
    summary:
      'People with about so many phones of each kind, who live with the app from `life.days` on: `presentShare` (0.7) have it from the first day, the others come within `within` days (30). `rates`: of what may happen to somebody on a day.',
    fields: {
      ...{ ios, android, web, hms, seed, openRate, receipts, server, app, deviceToken },
      presentShare: optional(share()),
      within: optional(count(1)),
      rates: optional(object(RATES)),
    },
    run: ({ people }, values) => {
      const { presentShare, within, rates } = values
      const begun = people.beginLife(values, {
        ...habitsOf(values),
        ...(presentShare !== undefined && { presentShare }),
        ...(within !== undefined && { days: within }),
        ...(rates !== undefined && { rates }),
      })
      return { people: begun }
    },
  }),
  operation('life.days', 'POST /life/days', {
    summary:
      'The next day, or `days` of them, of which each lasts so long; gives back their pages of the book.',
    fields: { days: optional(count(1)), each: optional(duration()) },
    run: async (world, { days = 1, each = 0 }) => {
      const pages: BookDay[] = []
      while (pages.length < days && world.signal?.aborted !== true) pages.push(await liveDay(world, each))
      return { days: pages }
    },
  }),
  operation('life.book', 'GET /life', {
    summary:
      'The whole book, and `from` a page on the tokens that ended: when in truth, and when their gateway told.',
    fields: { from: optional(count()) },
    run: ({ people }, { from = 0 }) => {
      const { days, ends } = people.life.book
      return { days: days.slice(from), ends: ends.filter(end => (end.told?.day ?? end.day) >= from) }
    },
  }),
]

async function liveDay({ people, signal }: World, lastsMs: number): Promise<BookDay> {
  for (let half = 0; half < HALVES_A_DAY; half++) {
    const { failed, reason } = await people.life.play()
    if (failed > 0)
      throw new InputError('', `${failed} calls failed: ${reason}`, 'See what the server says of them.')
    await pause(lastsMs / HALVES_A_DAY, undefined, signal === undefined ? {} : { signal }).catch(
      () => undefined,
    )
  }
  return people.life.endDay()
}
