/** `roost devices`: bring a base in, take it out, look at one device. */
import { Command, Option } from 'commander'
import { BESIDE } from '../beside/help.ts'

/** The same words as in @roost/protocol, which is loaded only when a command runs. */
const MAPPINGS = ['roost', 'pushwoosh', 'onesignal', 'parse', 'tokens', 'browser']
const FORMATS = ['csv', 'ndjson']
const OR_SERVER = `${BESIDE}
With --url it goes through a running server instead, with a server token in ROOST_BOOTSTRAP_TOKEN or --token.`
const URL_OPTION = ['--url <url>', 'of a running server; without it, the database itself is opened'] as const
const TOKEN_OPTION = [
  '--token <token>',
  'a server token (others on this machine can read it here; ROOST_BOOTSTRAP_TOKEN hides it)',
] as const

export function devicesCommand(): Command {
  return new Command('devices')
    .description('Find, show, import, export and erase devices')
    .addCommand(importing())
    .addCommand(exporting())
    .addCommand(finding())
    .addCommand(showing())
    .addCommand(personalData())
    .addCommand(erasing())
}

function importing(): Command {
  return new Command('import')
    .description('Bring devices in from a file; run it again to go on where it stopped')
    .argument('<file>', 'CSV, or NDJSON (one JSON object a line); also packed with gzip')
    .requiredOption('--app <code>', 'the app that they belong to')
    .addOption(new Option('--mapping <name>', 'the form of the file').choices(MAPPINGS).default('roost'))
    .addOption(new Option('--format <name>', 'by default told by the name of the file').choices(FORMATS))
    .addOption(
      new Option('--platform <name>', 'of rows that name none').choices([
        'ios',
        'macos',
        'android',
        'huawei',
        'web',
      ]),
    )
    .addOption(
      new Option('--environment <name>', 'APNs: of rows that name none (production when absent)').choices([
        'production',
        'sandbox',
      ]),
    )
    .option('--as-of <time>', 'when the file was made, ISO 8601; by default its modification time')
    .option('--vapid-keys <file>', 'JSON {"publicKey","privateKey","subject"}: upload this key pair first')
    .option('--refused <file>', 'write the rows that were refused, and why (CSV, or NDJSON by its name)')
    .option('--dry-run', 'store nothing; tell what the file holds, by platform, version and age')
    .option('--again', 'begin with the first row, even if this file was imported before')
    .option(...URL_OPTION)
    .option(...TOKEN_OPTION)
    .option('--json', 'print one line of JSON')
    .addHelpText('after', OR_SERVER)
    .action(async (file: string, options) => (await import('./import.ts')).importDevices(file, options))
}

function exporting(): Command {
  return new Command('export')
    .description('Write all devices of an app to a file, or to standard output')
    .requiredOption('--app <code>')
    .addOption(new Option('--format <name>').choices([...FORMATS, 'spreadsheet']).default('ndjson'))
    .option('--tokens', 'with whole tokens and keys; without, only their last characters')
    .option('-o, --output <file>', 'by default standard output')
    .option(...URL_OPTION)
    .option(...TOKEN_OPTION)
    .addHelpText('after', OR_SERVER)
    .action(async options => (await import('./export.ts')).exportDevices(options))
}

/** The same words as in @roost/protocol. */
const FOUND_BY = [
  'any',
  'hwid',
  'user',
  'token',
  'former_user',
  'hwid_beginning',
  'user_beginning',
  'token_end',
]

function finding(): Command {
  return new Command('find')
    .description(
      'Find devices by hwid, user id or push token, or a part of one; ends with 1 when there is none',
    )
    .argument('<text>')
    .requiredOption('--app <code>')
    .addOption(
      new Option(
        '--by <what>',
        'what the text is; any = all of them, beginnings and the end of a token only where it is no whole name',
      )
        .choices(FOUND_BY)
        .default('any'),
    )
    .option('--limit <number>', 'at most 200', '20')
    .option(...URL_OPTION)
    .option(...TOKEN_OPTION)
    .option('--json', 'print one line of JSON')
    .addHelpText('after', OR_SERVER)
    .action(async (text: string, options) => (await import('./find.ts')).findDevices(text, options))
}

function showing(): Command {
  return new Command('show')
    .description('One device, its addresses, and what happened to it, newest first')
    .argument('<hwid>')
    .requiredOption('--app <code>')
    .option('--json', 'print one line of JSON')
    .addHelpText('after', BESIDE)
    .action(async (hwid: string, options) => (await import('./show.ts')).showDevice(hwid, options))
}

function personalData(): Command {
  return new Command('personal-data')
    .description('All that is held of a device or a person, as JSON; of tokens the last characters')
    .requiredOption('--app <code>')
    .option('--hwid <hwid>', 'of this device')
    .option('--user <id>', 'of this person and their devices')
    .addHelpText('after', BESIDE)
    .action(async options => (await import('./rights.ts')).printPersonalData(options))
}

function erasing(): Command {
  return new Command('erase')
    .description('Erase all that is held of a device or a person; it can not be taken back')
    .requiredOption('--app <code>')
    .option('--hwid <hwid>', 'this device')
    .option('--user <id>', 'this person and their devices')
    .option('--json', 'print one line of JSON')
    .addHelpText('after', BESIDE)
    .action(async options => (await import('./rights.ts')).eraseTarget(options))
}
