/** The stand-ins of one command: their credentials, some tokens, the control API, and how all that is told to a shell. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ChromeUrls, Control, People, RoostAccess, Simulator } from '@roost/simulator'
import { StartError } from '../../store/folder.ts'

/** Phones of each kind: enough to see a message reach several. */
const PHONES = [1, 2, 3] as const

export interface StandInsOptions {
  readonly bundleId: string
  /** Where files go that the settings name. */
  readonly folder: string
  /** False for no control API. */
  readonly control: boolean
  readonly controlPort: number
  /** The server that virtual phones register with, if one was named. */
  readonly roost: RoostAccess | undefined
}

export interface StandIns {
  readonly simulator: Simulator
  readonly people: People
  readonly settings: Settings
  /** For a shell; also in a file, which it names. */
  readonly script: string
  /** Tells each push that the tokens in the settings get, in lines that a shell takes for comments. */
  tellPushes(write: (line: string) => void): void
  close(): Promise<void>
}

export interface Settings {
  readonly environment: Readonly<Record<string, string>>
  readonly browserPush: string
  readonly chrome: ChromeUrls
  readonly control: { readonly url: string; readonly token: string } | null
  readonly credentials: readonly { readonly gateway: string }[]
  readonly devices: readonly SimulatedDevice[]
}

/** What registerDevice tells of a phone that the stand-ins know. */
export interface SimulatedDevice {
  /** Of its shell variable: IOS_TOKEN_1, … */
  readonly name: string
  readonly platform: 'ios' | 'android' | 'huawei'
  readonly device_type: number
  readonly push_token: string
}

/** The caller closes it. */
export async function openStandIns(options: StandInsOptions): Promise<StandIns> {
  const { People, startControl, startSimulator } = await import('@roost/simulator')
  const { bundleId, folder, roost } = options
  const simulator = await startSimulator()
  const caFile = join(folder, 'ca.pem')
  await writeFile(caFile, `${simulator.caPem.trimEnd()}\n`)
  const { credentials, devices, platforms } = await issue(simulator, bundleId)
  const people = new People({ simulator, platforms, ...(roost !== undefined && { roost }) })
  const control = options.control
    ? await startControl({ simulator, people, port: options.controlPort }).catch(async (error: Error) => {
        await simulator.close()
        throw new StartError(
          `the control API can't listen: ${error.message}`,
          'Name another port with --control-port, or leave the API out with --no-control.',
        )
      })
    : undefined
  const settings: Settings = {
    environment: { ...simulator.environment(), ROOST_EXTRA_CA: caFile },
    browserPush: simulator.urls.browserPush,
    chrome: simulator.urls.chrome,
    control: control === undefined ? null : { url: control.url, token: control.token },
    credentials,
    devices,
  }
  return {
    simulator,
    people,
    settings,
    script: await writeScript(folder, settings),
    tellPushes: write => tellPushes(simulator, devices, write),
    close: () => close(people, control, simulator),
  }
}

async function close(people: People, control: Control | undefined, simulator: Simulator): Promise<void> {
  people.close()
  await control?.close()
  await simulator.close()
}

async function issue(simulator: Simulator, bundleId: string) {
  const team = simulator.apns.createTeamKey({ bundleId })
  const { projectId, serviceAccount } = await simulator.fcm.createProject()
  const huawei = simulator.hms.createApp()
  const { appId } = huawei
  const devices: SimulatedDevice[] = PHONES.flatMap(number => [
    device('ios', number, simulator.apns.issueToken({ bundleId, environment: 'production' })),
    device('android', number, simulator.fcm.issueToken({ projectId })),
    device('huawei', number, simulator.hms.issueToken({ appId })),
  ])
  const credentials = [
    { gateway: 'apns', kind: 'p8', ...team },
    { gateway: 'fcm', kind: 'service-account', serviceAccount },
    { gateway: 'hms', kind: 'client', ...huawei },
  ]
  const platforms = {
    ios: { kind: 'ios', bundleId },
    android: { kind: 'android', projectId },
    web: { kind: 'web' },
    hms: { kind: 'hms', appId },
  } as const
  return { credentials, devices, platforms }
}

const DEVICE_TYPES = { ios: 1, android: 3, huawei: 17 } as const

function device(platform: SimulatedDevice['platform'], number: number, push_token: string): SimulatedDevice {
  const name = `${platform.toUpperCase()}_TOKEN_${number}`
  return { name, platform, device_type: DEVICE_TYPES[platform], push_token }
}

/** Writes the script and the credentials that it names (keys belong into files, not on screens), and gives it back. */
async function writeScript(folder: string, settings: Settings): Promise<string> {
  const credentialFiles: Record<string, string> = {}
  for (const credential of settings.credentials) {
    const file = join(folder, `${credential.gateway}-credential.json`)
    await writeFile(file, JSON.stringify(credential), { mode: 0o600 })
    credentialFiles[`${credential.gateway.toUpperCase()}_CREDENTIAL`] = file
  }
  const file = join(folder, 'settings')
  const script = scriptOf(file, settings, credentialFiles)
  await writeFile(file, script, { mode: 0o600 })
  return script
}

function scriptOf(
  file: string,
  settings: Settings,
  credentialFiles: Readonly<Record<string, string>>,
): string {
  const { environment, browserPush, chrome, control, devices } = settings
  return [
    '# Read this into the shells that start a server and that call it:',
    `#   . ${file}`,
    ...exportLines(environment),
    '# Files with credentials, each the body of a POST to /v1/apps/{app}/credentials:',
    ...exportLines(credentialFiles),
    '# Push tokens of phones that the stand-ins know, for registerDevice:',
    ...exportLines(tokenVariables(devices)),
    ...(control === null ? [] : controlLines(control)),
    `# Firefox: set dom.push.serverURL to ${browserPush}`,
    `# Chromium: ${chromeSwitches(chrome)}`,
    '# Ctrl-C stops the stand-ins and removes the files.',
    '',
  ].join('\n')
}

/** The certificates are signed by an authority that no browser knows. */
function chromeSwitches({ checkIn, registration, stream }: ChromeUrls): string {
  return [
    `--gcm-checkin-url=${checkIn}`,
    `--gcm-registration-url=${registration}`,
    `--gcm-mcs-endpoint=${stream}`,
    '--ignore-certificate-errors',
  ].join(' ')
}

function controlLines({ url, token }: { readonly url: string; readonly token: string }): string[] {
  return [
    '# The control API: curl -H "authorization: Bearer $SIMULATOR_TOKEN" $SIMULATOR_URL/ tells what it can do.',
    ...exportLines({ SIMULATOR_URL: url, SIMULATOR_TOKEN: token }),
  ]
}

function tokenVariables(devices: readonly SimulatedDevice[]): Record<string, string> {
  return Object.fromEntries(devices.map(({ name, push_token }) => [name, push_token]))
}

function tellPushes(
  simulator: Simulator,
  devices: readonly SimulatedDevice[],
  write: (line: string) => void,
): void {
  for (const { name, push_token } of devices)
    simulator.listen(push_token, ({ payload }) => write(`# ${name} got ${JSON.stringify(payload)}\n`))
}

function exportLines(variables: Readonly<Record<string, string>>): string[] {
  return Object.entries(variables).map(
    ([name, value]) => `export ${name}='${value.replaceAll("'", `'\\''`)}'`,
  )
}
