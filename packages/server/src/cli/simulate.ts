/** `roost simulate`: stand-ins for the gateways, to try a server by hand without Apple, Google or a browser vendor. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Simulator } from '@roost/simulator'
import { Command } from 'commander'
import { listenForStop } from './stop.ts'
import { makeTemporaryFolder } from './temporary-folder.ts'

/** Phones of each kind: enough to see a message reach several. */
const PHONES = 3

export function simulateCommand(): Command {
  return new Command('simulate')
    .description(
      'Start stand-ins for APNs, FCM and Web Push, and print the settings that point a server at them',
    )
    .option('--bundle-id <id>', 'the app that the made-up APNs key is for', 'com.example.app')
    .option('--json', 'print one line of JSON, with the credentials in it')
    .addHelpText('after', '\nWhat it prints is for a shell: it names a file to read it from, with ". FILE".')
    .action(run)
}

/** What registerDevice tells of a phone that the stand-ins know. */
interface SimulatedDevice {
  /** Of its shell variable: IOS_TOKEN_1, … */
  readonly name: string
  readonly platform: 'ios' | 'android'
  readonly device_type: 1 | 3
  readonly push_token: string
}

async function run(options: { readonly bundleId: string; readonly json?: boolean }): Promise<void> {
  const stop = listenForStop({ isForReader: false })
  const { startSimulator } = await import('@roost/simulator')
  const folder = await makeTemporaryFolder('roost-simulator-')
  const simulator = await startSimulator()
  const caFile = join(folder.path, 'ca.pem')
  await writeFile(caFile, simulator.caPem)
  const environment = { ...simulator.environment(), ROOST_EXTRA_CA: caFile }
  const { browserPush } = simulator.urls
  const { credentials, devices } = await issue(simulator, options.bundleId)
  const script = await writeScript(folder.path, { environment, browserPush, credentials, devices })
  process.stdout.write(
    options.json ? `${JSON.stringify({ environment, browserPush, credentials, devices })}\n` : script,
  )
  if (!options.json) tellPushes(simulator, devices)
  await stop.asked
  await simulator.close()
  await folder.remove()
}

async function issue(simulator: Simulator, bundleId: string) {
  const team = simulator.apns.createTeamKey({ bundleId })
  const { projectId, serviceAccount } = await simulator.fcm.createProject()
  const numbers = Array.from({ length: PHONES }, (_, index) => index + 1)
  const devices: SimulatedDevice[] = [
    ...numbers.map(number => {
      const push_token = simulator.apns.issueToken({ bundleId, environment: 'production' })
      return { name: `IOS_TOKEN_${number}`, platform: 'ios', device_type: 1, push_token } as const
    }),
    ...numbers.map(number => {
      const push_token = simulator.fcm.issueToken({ projectId })
      return { name: `ANDROID_TOKEN_${number}`, platform: 'android', device_type: 3, push_token } as const
    }),
  ]
  const credentials = [
    { gateway: 'apns', kind: 'p8', ...team },
    { gateway: 'fcm', kind: 'service-account', serviceAccount },
  ]
  return { credentials, devices }
}

interface Told {
  readonly environment: Readonly<Record<string, string>>
  readonly browserPush: string
  readonly credentials: readonly { readonly gateway: string }[]
  readonly devices: readonly SimulatedDevice[]
}

/** Writes the script and the credentials that it names (keys belong into files, not on screens), and gives it back. */
async function writeScript(folder: string, told: Told): Promise<string> {
  const credentialFiles: Record<string, string> = {}
  for (const credential of told.credentials) {
    const file = join(folder, `${credential.gateway}-credential.json`)
    await writeFile(file, JSON.stringify(credential), { mode: 0o600 })
    credentialFiles[`${credential.gateway.toUpperCase()}_CREDENTIAL`] = file
  }
  const file = join(folder, 'settings')
  const script = [
    '# Read this into the shells that start a server and that call it:',
    `#   . ${file}`,
    ...exportLines(told.environment),
    '# Files with credentials, each the body of a POST to /v1/apps/{app}/credentials:',
    ...exportLines(credentialFiles),
    '# Push tokens of phones that the stand-ins know, for registerDevice:',
    ...exportLines(tokenVariables(told.devices)),
    `# Firefox: set dom.push.serverURL to ${told.browserPush}`,
    '# Ctrl-C stops the stand-ins and removes the files.',
    '',
  ].join('\n')
  await writeFile(file, script, { mode: 0o600 })
  return script
}

function tokenVariables(devices: readonly SimulatedDevice[]): Record<string, string> {
  return Object.fromEntries(devices.map(({ name, push_token }) => [name, push_token]))
}

/** As comments, so that the output as a whole can still be read by a shell. */
function tellPushes(simulator: Simulator, devices: readonly SimulatedDevice[]): void {
  for (const { name, push_token } of devices)
    simulator.listen(push_token, ({ payload }) => {
      process.stdout.write(`# ${name} got ${JSON.stringify(payload)}\n`)
    })
}

function exportLines(variables: Readonly<Record<string, string>>): string[] {
  return Object.entries(variables).map(
    ([name, value]) => `export ${name}='${value.replaceAll("'", `'\\''`)}'`,
  )
}
