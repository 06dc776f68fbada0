/** What the commands of `roost bench` share: how one runs, what it prints, and the numbers among its options. */
import { InvalidArgumentError } from 'commander'
import { type Screen, silentScreen, terminalScreen } from '../demo/screen.ts'
import { exitOnSignals } from './bench-processes.ts'

/** Starts what it measures and ends it. Throws StartError for what an operator can mend. */
export type Measurement<Options, Report> = (
  options: Options,
  environment: NodeJS.ProcessEnv,
  screen: Screen,
) => Promise<Report>

/** The action of a command. The last line of output is one line of JSON, and with `json` the only one. */
export function printing<Options extends { readonly json?: boolean }, Report>(
  measurement: Measurement<Options, Report>,
): (options: Options) => Promise<void> {
  return async options => {
    exitOnSignals()
    const screen = options.json ? silentScreen : terminalScreen(process.stdout)
    const report = await measurement(options, process.env, screen)
    process.stdout.write(`${JSON.stringify(report)}\n`)
  }
}

export function wholeNumber(min: number, max: number): (text: string) => number {
  return text => {
    const n = /^\d{1,12}$/.test(text) ? Number(text) : Number.NaN
    if (!(n >= min && n <= max))
      throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`)
    return n
  }
}
