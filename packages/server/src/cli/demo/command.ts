/** `roost demo`: everything at once with simulated phones, on free ports and a throw-away folder. */
import { Command, InvalidArgumentError } from 'commander'
import { listenForStop } from '../stop.ts'
import type { MonthDemo, MonthReport } from './month/play.ts'
import { silentScreen, terminalScreen } from './screen.ts'
import type { Demo, DemoOptions, DemoReport } from './story.ts'

const PHONES = 10_000
const PHONES_OF_A_MONTH = 2000

interface DemoCommandOptions {
  readonly phones?: number
  readonly month?: boolean
  readonly exit?: boolean
  readonly json?: boolean
}

export function demoCommand(): Command {
  return new Command('demo')
    .description('Show it all with simulated phones, and leave the console open')
    .option('--phones <count>', 'how many phones (default: 10000, of a month 2000)', readCount)
    .option('--month', 'thirty days of people who live with the app, with the charts of them')
    .option('--exit', 'leave at the end; exit status 1 when a figure is not what was counted outside')
    .option('--json', 'print one line of JSON instead of the story')
    .addHelpText('after', '\nUses free ports and a folder that is removed at the end; touches nothing else.')
    .action(run)
}

function readCount(text: string): number {
  const count = Number(text)
  if (!Number.isInteger(count) || count < 100 || count > 100_000)
    throw new InvalidArgumentError('a whole number from 100 to 100000')
  return count
}

async function run(options: DemoCommandOptions): Promise<void> {
  const say = (text: string) => options.json || process.stdout.write(text)
  const stop = listenForStop({ isForReader: true, onSignal: () => say('\nstopping…\n') })
  const started = Date.now()
  const screen = options.json ? silentScreen : terminalScreen(process.stdout, stop.signal)
  const demo = await play(options, { screen, signal: stop.signal }).catch(error => {
    if (!stop.signal.aborted) throw error
    // What is still on its way of the story would keep the process for a while.
    return process.exit(stop.exitCode)
  })
  const seconds = (Date.now() - started) / 1000
  if (options.json) process.stdout.write(`${JSON.stringify({ ...demo.report, seconds })}\n`)
  say('sends' in demo.report ? summary(demo.report, seconds) : summaryOfMonth(demo.report, seconds))
  if (!demo.report.agrees) process.exitCode = 1
  if (options.exit !== true) {
    say(`\nThe console stays open: ${demo.consoleUrl}\nCtrl-C ends the demo.\n`)
    await stop.asked
  }
  await demo.close()
}

async function play(
  { month, phones }: DemoCommandOptions,
  stage: Pick<DemoOptions, 'screen' | 'signal'>,
): Promise<Demo | MonthDemo> {
  if (month !== true) return (await import('./story.ts')).playDemo({ ...stage, phones: phones ?? PHONES })
  return (await import('./month/play.ts')).playMonth({ ...stage, people: phones ?? PHONES_OF_A_MONTH })
}

function summaryOfMonth({ people, agrees }: MonthReport, seconds: number): string {
  const verdict = agrees
    ? "Every number of every day is that of the simulator's own book."
    : "SOME NUMBERS DIFFER from the simulator's own book; see the table above."
  return `\n${people.toLocaleString('en')} people, 30 days in ${seconds.toFixed(1)} s.\n${verdict}\n`
}

function summary(report: DemoReport, seconds: number): string {
  const number = (n: number) => n.toLocaleString('en')
  const accepted = report.sends.reduce((sum, send) => sum + send.database.accepted, 0)
  const verdict = report.agrees
    ? 'Every figure of the database is the one that the stand-ins and the phones counted.'
    : 'SOME FIGURES DIFFER from what the stand-ins and the phones counted; see the tables above.'
  return `
${number(report.registered)} phones registered, ${number(accepted)} pushes accepted, ${number(report.removed)} of ${number(report.uninstalled)} vanished devices removed, ${number(report.restored)} of ${number(report.cameBack)} restored, in ${seconds.toFixed(1)} s.
${verdict}
`
}
