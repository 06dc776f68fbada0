/**
 * `roost push-test`: one notification to one address, and everything about it: what desktop testers such as Knuff do,
 * for all gateways and on any machine. Against a running server with what it has stored, or with files alone.
 */
import { Command, Option } from 'commander'
import { defaultServerUrl } from '../server/url.ts'
import { type CredentialOptions, credentialFromFiles } from './credential.ts'
import {
  type AddressOptions,
  addressFrom,
  type NotificationOptions,
  notificationFrom,
  validate,
} from './input.ts'
import { pageOf } from './page.ts'
import { callServer, type ServerOptions } from './server.ts'

type Options = CredentialOptions &
  AddressOptions &
  NotificationOptions &
  ServerOptions & { readonly json?: boolean; readonly validateOnly?: boolean }

const EXAMPLES = `
Without a server and a database:
  roost push-test --p8 AuthKey_ABCDE12345.p8 --team-id TEAM123456 --bundle-id com.example.app \\
    --sandbox --token HEX --title Hello
  roost push-test --p12 push.p12 --password-file password --token HEX
  roost push-test --service-account shop-1234.json --token TOKEN --validate-only
  roost push-test --vapid vapid.json --subscription subscription.json
  roost push-test --hms client.json --token TOKEN

Against a server, with a server token in ROOST_BOOTSTRAP_TOKEN:
  roost push-test --app ABCDE-FGHJK --credential ID --hwid HWID --title Hello
  roost push-test --url https://push.example.com --app ABCDE-FGHJK --credential ID --token HEX

Against "roost simulate", after reading its settings (". FILE"):
  roost push-test --credential-file $APNS_CREDENTIAL --token $IOS_TOKEN_1

Gateways are where ROOST_APNS_PRODUCTION_URL, ROOST_APNS_SANDBOX_URL, ROOST_FCM_URL, ROOST_GOOGLE_TOKEN_URL,
ROOST_HMS_URL, ROOST_HMS_TOKEN_URL say, if they are set (docs/configuration.md).

The password of a .p12 is read from --password-file, or from P12_PASSWORD, or is asked for; never from an argument.

Ends with 0 when the gateway has accepted it, with 1 when it was refused (address, message or credential), with 2 when
nothing was decided: not sent, no answer, come again later, or a mistake in the command.`

const UNDECIDED = 2
const EXIT_CODES: Readonly<Record<string, number>> = {
  accepted: 0,
  address_dead: 1,
  address_mismatch: 1,
  message_fault: 1,
  credential_fault: 1,
}

export function pushTestCommand(): Command {
  return new Command('push-test')
    .description('Send one notification, and show what was sent, what was answered and what it means')
    .optionsGroup('To whom:')
    .option('--token <token>', 'of APNs (hex), FCM or HMS')
    .option('--subscription <file>', 'of Web Push, as PushSubscription.toJSON() gives it')
    .option('--sandbox', 'an APNs token of an app run from Xcode')
    .addOption(new Option('--kind <kind>', 'of an APNs token').choices(['alert', 'voip', 'liveactivity']))
    .option('--hwid <hwid>', 'a device of the app (with --app)')
    .optionsGroup('With which credential:')
    .option('--p8 <file>', 'APNs key; key id from its name AuthKey_XXXXXXXXXX.p8, or:')
    .option('--key-id <id>', 'of the .p8')
    .option('--team-id <id>', 'of the .p8')
    .option('--bundle-id <id>', 'of the app; a certificate has it inside')
    .option('--p12 <file>', 'APNs certificate with its key, also as Keychain exports it')
    .option('--pem <file>', 'APNs certificate and key in one PEM file')
    .option('--password-file <file>', 'of the .p12 or the encrypted PEM')
    .option('--service-account <file>', 'FCM: the JSON from the Firebase console')
    .option('--vapid <file>', 'Web Push: JSON with publicKey, privateKey and subject')
    .option('--hms <file>', 'HMS: JSON with appId, clientId and clientSecret')
    .option('--credential-file <file>', 'any: JSON as POST …/credentials takes it')
    .optionsGroup('What:')
    .option('--title <text>')
    .option('--body <text>')
    .option('--image <url>')
    .option('--open <url>', 'opened on a tap')
    .option('--sound <name>')
    .option('--badge <number>')
    .option('--data <json>', 'custom data for the app')
    .option('--silent', 'nothing to show')
    .option('--push-type <type>', 'of APNs: alert, background, voip, liveactivity, …')
    .option('--ttl <seconds>', 'how long the gateway may keep it; 0 = now or never')
    .option('--collapse-key <key>', 'a later one with the same key replaces it')
    .addOption(new Option('--priority <priority>').choices(['high', 'normal']))
    .option('--notification <file>', 'JSON with all of these and options per gateway (docs/push-test.md)')
    .option('--validate-only', 'the gateway checks and delivers nothing (FCM, HMS)')
    .optionsGroup('Against a server:')
    .option('--app <code>', 'application code; a running server then sends it')
    .option('--url <url>', 'of the server', defaultServerUrl(process.env))
    .option('--credential <id>', 'stored there')
    .optionsGroup('Other:')
    .option('--json', 'print one line of JSON')
    .helpOption('-h, --help', 'this page')
    .addHelpText('after', EXAMPLES)
    .exitOverride(error => process.exit(error.exitCode === 0 ? 0 : UNDECIDED))
    .action(run)
}

async function run(options: Options): Promise<void> {
  const { diskFault, StartError } = await import('../../store/folder.ts')
  try {
    const result = options.app === undefined ? await sendFromHere(options) : await sendFromServer(options)
    process.stdout.write(options.json ? `${JSON.stringify(result)}\n` : pageOf(result, process.stdout.isTTY))
    process.exitCode = EXIT_CODES[result.outcome.kind] ?? UNDECIDED
  } catch (error) {
    const fault = error instanceof StartError ? error : diskFault(error)
    if (fault === undefined) throw error
    process.stderr.write(`roost: ${fault.message}\n  → ${fault.remedy}\n`)
    process.exitCode = UNDECIDED
  }
}

async function sendFromHere(options: Options) {
  const { readConfig } = await import('../../config.ts')
  const { runFromFiles } = await import('./here.ts')
  const credential = await credentialFromFiles(options)
  const input = await inputFrom(options, { inline: credential }, credential.gateway)
  return runFromFiles(input, readConfig(process.env))
}

async function sendFromServer(options: Options) {
  const server = await callServer(options)
  const { credential, gateway } = await server.chooseCredential()
  return server.run(await inputFrom(options, credential, gateway))
}

async function inputFrom(options: Options, credential: object, gateway: string) {
  return validate({
    credential,
    address: await addressFrom(options, gateway),
    notification: await notificationFrom(options),
    validateOnly: options.validateOnly ?? false,
  })
}
