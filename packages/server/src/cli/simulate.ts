/** `roost simulate`: stand-ins for the gateways, to try a server by hand without Apple, Google or a browser vendor. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Command } from 'commander'
import { untilStopped } from './serve.ts'

export function simulateCommand(): Command {
  return new Command('simulate')
    .description(
      'Start stand-ins for APNs, FCM and Web Push, and print the settings that point a server at them',
    )
    .option('--bundle-id <id>', 'the app that the made-up APNs key is for', 'com.example.app')
    .option('--json', 'print one line of JSON')
    .action(run)
}

async function run(options: { readonly bundleId: string; readonly json?: boolean }): Promise<void> {
  const stop = untilStopped()
  const { startSimulator } = await import('@roost/simulator')
  const simulator = await startSimulator()
  const folder = await mkdtemp(join(tmpdir(), 'roost-simulator-'))
  const caFile = join(folder, 'ca.pem')
  await writeFile(caFile, simulator.caPem)
  const environment = { ...simulator.environment(), ROOST_EXTRA_CA: caFile }
  const apns = simulator.apns.createTeamKey({ bundleId: options.bundleId })
  const fcm = await simulator.fcm.createProject()
  const credentials = [
    { gateway: 'apns', kind: 'p8', ...apns },
    { gateway: 'fcm', kind: 'service-account', serviceAccount: fcm.serviceAccount },
  ]
  process.stdout.write(
    options.json
      ? `${JSON.stringify({ environment, browserPush: simulator.urls.browserPush, credentials })}\n`
      : tell(environment, simulator.urls.browserPush, credentials),
  )
  await stop
  await simulator.close()
  await rm(folder, { recursive: true, force: true })
}

function tell(
  environment: Record<string, string>,
  browserPush: string,
  credentials: readonly object[],
): string {
  const settings = Object.entries(environment).map(([name, value]) => `export ${name}=${value}`)
  const uploads = credentials.map(it => `  ${JSON.stringify(it)}`)
  return [
    '# Start a server with these settings:',
    ...settings,
    '# Firefox: set dom.push.serverURL to',
    `#   ${browserPush}`,
    '# Credentials to POST to /v1/apps/{app}/credentials:',
    ...uploads,
    '# Ctrl-C stops the stand-ins.',
    '',
  ].join('\n')
}
