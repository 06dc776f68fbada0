/** What the doctor found as a table: area, what was looked at, how it is, and what mends it. */
import { styleText } from 'node:util'
import { plain } from '../plain.ts'
import { wrap } from '../wrap.ts'
import { STATES, type State, type Told } from './finding.ts'

const COLORS = { ok: 'green', warning: 'yellow', wrong: 'red', unknown: 'dim' } as const
const STATE_WIDTH = Math.max(...STATES.map(it => it.length)) + 2
const SUBJECT_WIDTH_MAX = 34
const REMEDY_MARK = '→ '

export interface Page {
  readonly hasColors: boolean
  /** Of a line, in characters. */
  readonly width: number
}

export function pageOf(found: readonly Told[], { hasColors, width }: Page): string {
  const paint = (style: Parameters<typeof styleText>[0], text: string) =>
    hasColors ? styleText(style, text) : text
  const told = found.map(it => ({ ...it, subject: plain(it.subject) }))
  const areas = [...new Set(told.map(it => it.area))]
  const subjectWidth = Math.min(SUBJECT_WIDTH_MAX, Math.max(...told.map(it => it.subject.length))) + 2
  const indent = 2 + STATE_WIDTH + subjectWidth
  const room = Math.max(40, width - indent)
  const rowOf = ({ state, subject, says, remedy }: Told): string[] => {
    const lines = [...wrap(says, room), ...(remedy === null ? [] : wrap(`${REMEDY_MARK}${remedy}`, room))]
    const head = `  ${paint(COLORS[state], state.padEnd(STATE_WIDTH))}`
    // A name that is too long for its column has the line for itself.
    const [first = '', ...rest] = subject.length > SUBJECT_WIDTH_MAX ? ['', ...lines] : lines
    return [
      `${head}${subject.padEnd(subjectWidth)}${first}`.trimEnd(),
      ...rest.map(it => `${' '.repeat(indent)}${it}`),
    ]
  }
  return [
    ...areas.flatMap(area => [
      paint('bold', area),
      ...told.filter(it => it.area === area).flatMap(rowOf),
      '',
    ]),
    paint('bold', summaryOf(told)),
  ].join('\n')
}

export function summaryOf(told: readonly Told[]): string {
  const countOf = (state: State) => told.filter(it => it.state === state).length
  const parts = (['wrong', 'warning', 'unknown', 'ok'] as const)
    .map(state => ({ state, count: countOf(state) }))
    .filter(({ count }) => count > 0)
  return parts.map(({ state, count }) => `${count} ${state}`).join(', ')
}
