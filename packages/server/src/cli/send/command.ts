/** `roost send`: a message by way of a running server. */
import { Command, Option } from 'commander'
import { defaultServerUrl } from '../server-url.ts'

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
