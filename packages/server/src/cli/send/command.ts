/** `roost send`: a message by way of a running server. */
import type { Route } from '@roost/protocol'
import { Command, InvalidArgumentError, Option } from 'commander'
import { defaultServerUrl } from '../server/url.ts'

/** By name, since the help is told without loading what they mean. */
const ROUTES: Readonly<Record<Route, true>> = {
  push: true,
  'online-first': true,
  both: true,
  'online-only': true,
}

export function sendCommand(): Command {
  return new Command('send')
    .description('Send a message by way of a running server')
    .requiredOption('--app <code>')
    .addOption(new Option('--to-all', 'to all devices').conflicts(['segment', 'device', 'user']))
    .addOption(
      new Option('--segment <name>', 'to a segment: its id, code or name').conflicts(['device', 'user']),
    )
    .addOption(new Option('--device <hwid...>', 'to these devices').conflicts(['user']))
    .option('--user <id...>', 'to the devices of these users')
    .option('--title <text>')
    .option('--body <text>')
    .option('--image <url>')
    .option('--link <url>', 'opened by a tap')
    .option('--at <time>', 'ISO 8601; now when absent')
    .option('--collapse-key <key>', 'it replaces an earlier message of the same key on the device')
    .addOption(
      new Option('--lane <lane>', 'test and transactional messages never wait behind campaigns').choices([
        'test',
        'transactional',
        'campaign',
      ]),
    )
    .addOption(
      new Option(
        '--route <route>',
        'to a device whose app is open: by push, over its live channel, or both (push when absent)',
      ).choices(Object.keys(ROUTES)),
    )
    .addOption(
      new Option(
        '--push-after <seconds>',
        'how long it may take to acknowledge it, 1 to 60 (10 when absent)',
      ).argParser(readSeconds),
    )
    .option('--file <path>', 'the message as JSON, as POST …/messages takes it; options replace what it says')
    .option('--change <id>', 'all of this message, of which nothing has left yet; its id stays')
    .option('--dry-run', 'say whom it would reach, how large it is and what is wrong with it; send nothing')
    .addOption(
      new Option('--lang <language>', 'of what --dry-run finds')
        .choices(['en', 'zh', 'ja', 'pt', 'ru', 'hi'])
        .default('en'),
    )
    .option('--watch', 'show its progress until it has ended')
    .option('--url <url>', 'of the server', defaultServerUrl(process.env))
    .option('--token <token>', 'server token; better in ROOST_BOOTSTRAP_TOKEN')
    .option('--json', 'print one line of JSON')
    .action(async options => {
      const { sendMessage } = await import('./send.ts')
      await sendMessage(options, text => void process.stdout.write(`${text}\n`))
    })
}

function readSeconds(text: string): number {
  if (!/^\d{1,3}$/.test(text)) throw new InvalidArgumentError('a number of seconds is wanted.')
  return Number(text)
}
