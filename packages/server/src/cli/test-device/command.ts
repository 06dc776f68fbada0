/** `roost test-device`: shows a code for a phone to scan, and each step as it comes. Against a running server. */
import { Command } from 'commander'
import { defaultServerUrl } from '../server/url.ts'

const AFTER = `
The server makes the code; give a server token in ROOST_BOOTSTRAP_TOKEN or --token. The code is good for ten minutes and one phone.

Phones reach the server where --url says, unless --reach says otherwise: 127.0.0.1 is the phone itself to a phone.

Ends with 0 when the push was opened (with --until: when that step is done), with 1 when a step failed and the time ran out, with 2 when no
phone came.`

export function testDeviceCommand(): Command {
  return new Command('test-device')
    .description('Make a phone a test device by a code that it scans, and watch what it comes to')
    .requiredOption('--app <code>')
    .option('--name <text>', 'of the test device; by default what the phone says of itself')
    .option('--opens <link>', 'what the phone opens: a page of your site, or a link of your app', undefined)
    .option('--reach <url>', 'where phones reach the server')
    .option('--until <step>', 'end when this step is done', 'opened')
    .option('--url <url>', 'of the server', defaultServerUrl(process.env))
    .option(
      '--token <token>',
      'a server token (others on this machine can read it here; ROOST_BOOTSTRAP_TOKEN hides it)',
    )
    .option('--json', 'print each change as one line of JSON')
    .addHelpText('after', AFTER)
    .action(async options => (await import('./watch.ts')).watchTestDevice(options))
}
