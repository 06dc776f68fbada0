/**
 * Thirty days in some minutes: people live with an app, and the server's charts of them are held against the simulator's own
 * book, day by day.
 */
import type { BaseNumbers } from '@roost/protocol'
import type { Book, TokenEnd } from '@roost/simulator'
import type { Screen } from '../screen.ts'
import { type BaseDay, baseByBook } from './by-the-book.ts'
import { DAY_MS, type Month, openMonth } from './stage.ts'

const DAYS = 30
const INACTIVE_DAYS = 14
/** Every fourth day. */
const isMessageDay = (day: number) => day % 4 === 3

export interface MonthDemoOptions {
  readonly people: number
  readonly screen: Screen
  /** Aborted when it shall stop where it is. */
  readonly signal: AbortSignal
}

export interface MonthReport {
  readonly people: number
  /** By the server. */
  readonly days: readonly BaseDay[]
  readonly uninstalled: number
  readonly foundDead: number
  /** Counted as reachable by the server at the end, though app or phone are gone; no gateway has told. */
  readonly goneUnnoticed: number
  /** From the removal of the app to Apple's 410: of half of them it was shorter. */
  readonly appleLateDays: number
  /** True when every number of every day is that of the book. */
  readonly agrees: boolean
}

export interface MonthDemo {
  readonly report: MonthReport
  /** The console, with a token that is good for this demo only. */
  readonly consoleUrl: string
  close(): Promise<void>
}

/** Plays it to its end, or rejects when `signal` is aborted. The caller closes what it gets. */
export async function playMonth({ people, screen, signal }: MonthDemoOptions): Promise<MonthDemo> {
  screen.step('Starting PostgreSQL, the server and stand-ins for Apple, Google and a browser push service')
  // It ends with yesterday; what has died then is judged a day later.
  const startMs = Math.floor(Date.now() / DAY_MS) * DAY_MS - (DAYS + 1) * DAY_MS
  const month = await openMonth({ people, startMs, days: DAYS, inactiveDays: INACTIVE_DAYS })
  try {
    await live(month, { people, screen, signal })
    screen.step('What the server counted, and what is true')
    const report = await readReport(month, { people, startMs })
    show(screen, report, baseByBook(month.life.book, startMs))
    return { report, consoleUrl: month.consoleUrl, close: month.close }
  } catch (error) {
    await month.close()
    throw error
  }
}

async function live(month: Month, { people, screen, signal }: MonthDemoOptions): Promise<void> {
  screen.step(
    `${people.toLocaleString('en')} people install the app, open it, remove it, come back and change phones for ${DAYS} days`,
  )
  const bar = screen.progress('days', DAYS)
  for (let day = 0; day < DAYS; day++) {
    signal.throwIfAborted()
    await month.liveDay(day, async () => {
      if (isMessageDay(day)) await month.send({ to: { all: true }, content: { title: 'News of the day' } })
    })
    bar.update(day + 1)
  }
  bar.end()
  await month.conclude(DAYS)
}

async function readReport(
  month: Month,
  { people, startMs }: { readonly people: number; readonly startMs: number },
): Promise<MonthReport> {
  const { book } = month.life
  const days = await month.readBase(DAYS)
  return {
    people,
    days,
    uninstalled: book.days.reduce((sum, day) => sum + day.uninstalls, 0),
    foundDead: book.days.reduce((sum, day) => sum + day.dead, 0),
    goneUnnoticed: book.days.at(-1)?.gone ?? 0,
    appleLateDays: middleOf(appleLateDays(book)),
    agrees: JSON.stringify(days.map(sorted)) === JSON.stringify(baseByBook(book, startMs).map(sorted)),
  }
}

/** Of those that were found dead, in whole days. */
export function appleLateDays(book: Book): number[] {
  const lateOf = ({ told, day }: TokenEnd) => (told?.day ?? day) - day
  return book.ends
    .filter(end => end.wasInBase && end.told?.gateway === 'apns')
    .map(lateOf)
    .sort((a, b) => a - b)
}

function middleOf(ascending: readonly number[]): number {
  return ascending[Math.floor(ascending.length / 2)] ?? 0
}

function sorted(day: BaseDay): object {
  return Object.fromEntries(Object.entries(day).sort(([a], [b]) => a.localeCompare(b)))
}

const SHOWN = [
  'installs',
  'opens',
  'registrations',
  'restored',
  'unregistrations',
  'deaths',
  'uninstalls',
  'replaced',
  'devices',
  'reachable',
] as const satisfies readonly (keyof BaseNumbers)[]
/** How many there are in the evening; the others are added up. */
const STANDING: readonly string[] = ['devices', 'reachable']

function show(screen: Screen, report: MonthReport, book: readonly BaseDay[]): void {
  screen.table(
    ['', 'the server says', 'the book says', 'day by day'],
    SHOWN.map(name => {
      const server = report.days.map(day => day[name] ?? 0)
      const truth = book.map(day => day[name] ?? 0)
      return [name, totalOf(name, server), totalOf(name, truth), barsOf(server)]
    }),
  )
  const { uninstalled, foundDead, goneUnnoticed, appleLateDays: late } = report
  screen.say(
    `in truth ${uninstalled} people removed the app, and ${foundDead} addresses were found dead: some came back before a gateway told,`,
  )
  screen.say(
    `and ${goneUnnoticed} are gone and still counted, since no gateway has told of them. Apple's 410 came ${late} days late in the middle.`,
  )
}

function totalOf(name: string, byDay: readonly number[]): number {
  return STANDING.includes(name) ? (byDay.at(-1) ?? 0) : byDay.reduce((sum, n) => sum + n, 0)
}

const BARS = '▁▂▃▄▅▆▇█'

/** The first day, on which everybody comes, may be higher than all bars. */
function barsOf(byDay: readonly number[]): string {
  const highest = Math.max(1, ...byDay.slice(1))
  return byDay
    .map(n => BARS[Math.min(BARS.length - 1, Math.floor((n / highest) * (BARS.length - 1) + 0.5))])
    .join('')
}
