/** A diagnosis as a page: the verdict, what it is concluded from, who can mend it and how. */
import { styleText } from 'node:util'
import type {
  DeviceDiagnosis,
  DiagnosisOutcome,
  DiagnosisView,
  Evidence,
  FindingView,
  ReachView,
} from '@roost/protocol'
import { isMoment } from '../../insight/diagnosis/moments.ts'
import { type Texts, textsFor } from '../../insight/diagnosis/texts/texts.ts'
import { writePieces } from '../../insight/diagnosis/texts/told.ts'
import { writeMoment } from '../../time.ts'
import { columnsOf, padColumns, wrap } from '../wrap.ts'

export interface Looks {
  readonly hasColors: boolean
  /** IANA; of whoever reads it. */
  readonly timeZone: string
}

type Paint = (style: 'bold' | 'dim' | 'green' | 'red' | 'yellow', text: string) => string

const WIDTH = 100
const INDENT = '    '
const VERDICT_COLORS = { proven: 'red', likely: 'yellow', possible: 'dim' } as const

/** How it is told: colors, and labels in the language of the texts. */
interface Telling {
  readonly paint: Paint
  readonly texts: Texts
  /** A moment as the reader writes it. */
  readonly moment: (at: string) => string
}

function tellingIn(lang: string, { hasColors, timeZone }: Looks): Telling {
  return {
    paint: (style, text) => (hasColors ? styleText(style, text) : text),
    texts: textsFor(lang).texts,
    moment: at => writeMoment(at, { lang, timeZone }),
  }
}

export function diagnosisPage({ lang, devices, findings, messageId }: DiagnosisView, looks: Looks): string {
  const telling = tellingIn(lang, looks)
  const {
    paint,
    texts: { words },
  } = telling
  const about = messageId === null ? words.now : `${words.message} ${messageId}`
  const strangers = devices.length > 0 ? [] : [...findings.map(it => findingLines(it, telling)), []]
  return [
    ...(devices.length > 0 ? [] : [[paint('bold', `${words.no_device} (${about})`)]]),
    ...strangers,
    ...devices.map(it => deviceLines(it, about, telling)),
  ]
    .flat()
    .join('\n')
    .trimEnd()
}

const GOOD: ReadonlySet<string> = new Set(['could_receive', 'accepted', 'delivered', 'opened'])

function deviceLines(device: DeviceDiagnosis, about: string, telling: Telling): string[] {
  const {
    paint,
    texts: { words, titles, outcomes },
  } = telling
  const { hwid, platform, userId, outcome, findings, ruledOut, unseen } = device
  const person = userId === null ? [] : [`${words.person} ${userId}`]
  const who = [hwid, platform ?? words.no_platform, ...person].join(', ')
  return [
    `${paint('bold', who)} (${about}): ${paint(GOOD.has(outcome) ? 'green' : 'red', outcomes[outcome])}`,
    ...(findings.length === 0 ? wrapped(words.nothing_found, INDENT) : []),
    ...findings.flatMap(it => findingLines(it, telling)),
    ...(ruledOut.length === 0
      ? []
      : wrapped(`${words.ruled_out}: ${ruledOut.map(it => `${it} ${titles[it]}`).join('; ')}`, INDENT).map(
          it => paint('dim', it),
        )),
    ...unseen.flatMap(({ text }) => wrapped(`${words.unseen}: ${text}`, INDENT).map(it => paint('dim', it))),
    '',
  ]
}

function findingLines(
  { rule, verdict, effect, message, evidence, remedy, nextTest }: FindingView,
  { paint, texts: { words }, moment }: Telling,
): string[] {
  const inside = INDENT.repeat(2)
  const steps = remedy.steps.flatMap(({ text }) => wrapped(`→ ${text}`, inside))
  return [
    `${INDENT}${paint(VERDICT_COLORS[verdict], words[verdict])} ${rule}, ${words[effect]}`,
    ...wrapped(writePieces(message.pieces, moment), inside).map(it => paint('bold', it)),
    ...evidence.flatMap(it => wrapped(wordsOfEvidence(it, moment), inside)).map(it => paint('dim', it)),
    ...(steps.length === 0 ? [] : [`${inside}${words[remedy.who]}:`, ...steps]),
    ...(nextTest === null ? [] : [`${inside}${words.next}: ${words[nextTest]}`]),
  ]
}

function wrapped(text: string, indent: string): string[] {
  return wrap(text, WIDTH - indent.length).map(it => `${indent}${it}`)
}

function wordsOfEvidence({ source, at, data }: Evidence, moment: Telling['moment']): string {
  const told = Object.entries(data).filter(([, value]) => value !== null && value !== '')
  const values = told.map(([name, value]) => `${name} ${isMoment(value) ? moment(value) : value}`)
  return `${source}${at === null ? '' : ` at ${moment(at)}`}: ${values.join(', ')}`
}

// ── of a message ──────────────────────────────────────────────────────────────────────────────────────────────────────

const BAR = 24

export function reachPage(view: ReachView, looks: Looks): string {
  const { lang, messageId, course, steps, groups, incidents, held } = view
  const telling = tellingIn(lang, looks)
  const {
    paint,
    texts: { words },
  } = telling
  const stepped = ({ remedy }: { readonly remedy: Remedy }) => remedyLines(remedy, telling)
  return [
    paint('bold', `${capitalised(words.message)} ${messageId}`),
    ...(course === null
      ? []
      : [
          ...wrapped(`${course.rule} ${writePieces(course.pieces, telling.moment)}`, INDENT).map(it =>
            paint('yellow', it),
          ),
          ...stepped(course),
        ]),
    ...barLines(view, telling),
    ...(steps.some(it => it.basis === 'now')
      ? wrapped(words.as_now, INDENT).map(it => paint('dim', it))
      : []),
    '',
    ...incidents.flatMap(it => [
      `${paint('red', `${words.one_cause}:`)} ${it.rule} ${it.title}, ${it.count} (${percentOf(it.share)})`,
      ...stepped(it),
    ]),
    ...held.flatMap(it => [
      `${paint('red', words.waits_at)}: ${it.gateway}: ${[it.rule, it.title].filter(part => part !== null).join(' ')} (${it.reason})`,
      ...stepped(it),
    ]),
    ...steps.flatMap(it => lostLines(it, telling)),
    ...(groups.length === 0 ? [wordsOfNoGroups(steps, telling)] : []),
    ...groups.flatMap(it => [
      `${paint('bold', `${it.count} (${percentOf(it.share)})`)} ${it.rule ?? ''} ${it.title}: ${outcomeIn(it.outcome, telling)}${it.gateway === null ? '' : ` (${it.gateway})`}, ${it.reason}`,
      ...stepped(it),
    ]),
  ]
    .join('\n')
    .trimEnd()
}

function outcomeIn(outcome: string, { texts: { outcomes } }: Telling): string {
  return Object.hasOwn(outcomes, outcome) ? outcomes[outcome as DiagnosisOutcome] : outcome
}

function capitalised(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1)
}

function barLines({ steps, errorPercent }: ReachView, { paint }: Telling): string[] {
  const most = Math.max(1, ...steps.map(it => it.count))
  const titleWidth = Math.max(...steps.map(it => columnsOf(it.title)))
  const countWidth = String(most).length
  return steps.map(({ title, count, lost, basis }) => {
    const bar = '█'.repeat(Math.round((count / most) * BAR)).padEnd(BAR)
    // who has told nothing of it is not lost
    const less = lost === null || lost === 0 || basis === 'told' ? '' : paint('red', `  −${lost}`)
    const about = basis === 'now' && errorPercent > 0 ? paint('dim', `  (± ${errorPercent} %)`) : ''
    return `${INDENT}${padColumns(title, titleWidth)}  ${String(count).padStart(countWidth)}  ${bar}${less}${about}`
  })
}

/** Who was never booked is in no group. */
function lostLines(
  { title, lost, basis, cause, devices }: ReachView['steps'][number],
  telling: Telling,
): string[] {
  const {
    paint,
    texts: { words },
  } = telling
  if (basis !== 'now' || lost === null || lost <= 0) return []
  const head = `${paint('bold', `−${lost}`)} ${title}:`
  if (cause === null) return [`${head} ${words.steps_unlisted}: GET ${devices}`]
  return [`${head} ${cause.rule} ${cause.title}`, ...remedyLines(cause.remedy, telling)]
}

/** Of nobody nothing can be lost. */
function wordsOfNoGroups(steps: ReachView['steps'], { texts: { words } }: Telling): string {
  const isBooked = steps.some(it => it.basis === 'sent' && it.count > 0)
  return isBooked ? words.nothing_lost : words.nothing_booked
}

type Remedy = ReachView['groups'][number]['remedy']

function remedyLines({ who, steps }: Remedy, { texts: { words } }: Telling): string[] {
  return steps.flatMap(({ text }) => wrapped(`→ ${words[who]}: ${text}`, INDENT))
}

function percentOf(share: number): string {
  return `${(share * 100).toLocaleString('en', { maximumFractionDigits: 1 })} %`
}
