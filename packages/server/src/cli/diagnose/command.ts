/** `roost diagnose`: why a device can't be reached, did not get a message, or a message came to so few. */
import { Command, Option } from 'commander'
import { defaultServerUrl } from '../server/url.ts'

export function diagnoseCommand(): Command {
  return new Command('diagnose')
    .description('Say why a device can’t be reached or did not get a message, or where a message was lost')
    .argument('[who]', 'an hwid, a whole token, or a user id; without it, all whom --message was for')
    .requiredOption('--app <code>')
    .option('--message <id>', 'why it did not get this one; without it, whether it could get one now')
    .addOption(
      new Option('--as <kind>', 'what <who> is; by default it is looked for as each').choices([
        'device',
        'token',
        'user',
      ]),
    )
    .addOption(
      new Option('--lang <language>', 'of the page')
        .choices(['en', 'zh', 'ja', 'pt', 'ru', 'hi'])
        .default('en'),
    )
    .option('--url <url>', 'of the server', defaultServerUrl(process.env))
    .option('--token <token>', 'server token; better in ROOST_BOOTSTRAP_TOKEN')
    .option('--json', 'print one line of JSON')
    .action(async (who: string | undefined, options) => {
      const { diagnoseFrom } = await import('./diagnose.ts')
      const { isTTY: hasColors = false } = process.stdout
      const { timeZone } = Intl.DateTimeFormat().resolvedOptions()
      await diagnoseFrom(
        who,
        { ...options, hasColors, timeZone },
        text => void process.stdout.write(`${text}\n`),
      )
    })
}
