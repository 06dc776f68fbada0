/**
 * `roost simulate`: stand-ins for the gateways and virtual phones, to try a server or to rehearse a campaign without
 * Apple, Google, Huawei or a browser vendor.
 */
import type { ScenarioReport } from '@roost/simulator'
import { Command, InvalidArgumentError } from 'commander'
import { StartError } from '../../store/folder.ts'
import { silentScreen, terminalScreen } from '../demo/screen.ts'
import { listenForStop, type Stop } from '../stop.ts'
import { makeTemporaryFolder } from '../temporary-folder.ts'
import { type RehearsalOptions, readScenarioFile, rehearse } from './rehearsal.ts'
import { openStandIns, type StandIns } from './stand-ins.ts'

interface SimulateOptions {
  readonly bundleId: string
  readonly json?: boolean
  readonly control: boolean
  readonly controlPort: number
  readonly scenario?: string
  readonly server?: string
  readonly app?: string
  readonly token?: string
}

export function simulateCommand(): Command {
  return new Command('simulate')
    .description(
      'Start stand-ins for APNs, FCM, Web Push and HMS, and print the settings that point a server at them',
    )
    .option('--bundle-id <id>', 'the app that the made-up APNs key is for', 'com.example.app')
    .option('--control-port <port>', 'where the control API listens; 0 is a free one', readPort, 0)
    .option('--no-control', 'no control API')
    .option('--server <url>', 'the Roost that virtual phones register with')
    .option('--app <code>', "the app's code there")
    .option('--token <token>', "the app's device token")
    .option(
      '--scenario <file>',
      'wait for that server, play the scenario, print what the stand-ins saw, and end',
    )
    .option('--json', 'print JSON, one object a line: the settings with the credentials, and the report')
    .addHelpText(
      'after',
      '\nWhat it prints is for a shell: it names a file to read it from, with ". FILE". See docs/simulator.md.',
    )
    .action(run)
}

function readPort(text: string): number {
  const port = Number(text)
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new InvalidArgumentError('a whole number from 0 to 65535')
  return port
}

async function run(options: SimulateOptions): Promise<void> {
  const stop = listenForStop({ isForReader: false })
  const rehearsal = await readRehearsal(options)
  const folder = await makeTemporaryFolder('roost-simulator-')
  const standIns = await openStandIns({ ...options, folder: folder.path, roost: roostOf(options) })
  try {
    process.stdout.write(options.json ? `${JSON.stringify(standIns.settings)}\n` : standIns.script)
    if (rehearsal !== undefined) await play(standIns, rehearsal, options, stop)
    else {
      if (!options.json) standIns.tellPushes(line => process.stdout.write(line))
      await stop.asked
    }
  } finally {
    await standIns.close()
    await folder.remove()
  }
}

type Rehearsal = Pick<RehearsalOptions, 'scenario' | 'server'>

async function readRehearsal({
  scenario,
  server,
  app,
  token,
}: SimulateOptions): Promise<Rehearsal | undefined> {
  const named = [server, app, token].filter(it => it !== undefined)
  if (named.length !== 0 && named.length !== 3)
    throw new StartError('--server, --app and --token belong together', 'Name all three, or none.')
  if (scenario === undefined) return undefined
  if (server === undefined)
    throw new StartError(
      '--scenario needs a Roost to register its phones with',
      'Name it with --server URL --app CODE --token DEVICE_TOKEN.',
    )
  return { scenario: await readScenarioFile(scenario), server }
}

function roostOf({ server, app, token }: SimulateOptions) {
  if (server === undefined || app === undefined || token === undefined) return undefined
  return { baseUrl: server, app, deviceToken: token }
}

async function play(
  standIns: StandIns,
  rehearsal: Rehearsal,
  options: SimulateOptions,
  stop: Stop,
): Promise<void> {
  const screen = options.json ? silentScreen : terminalScreen(process.stdout, stop.signal)
  const report = await rehearse({ ...rehearsal, standIns, screen, signal: stop.signal })
  if (options.json) process.stdout.write(`${JSON.stringify(report)}\n`)
  process.exitCode = exitCodeOf(report, stop)
}

/** 1 when a phone could not register. */
function exitCodeOf({ isComplete, phones }: ScenarioReport, stop: Stop): number {
  if (!isComplete) return stop.exitCode
  return (phones?.failed ?? 0) > 0 ? 1 : 0
}
