/** `roost apps`: which there are, and their end: archive, take back, delete. */
import { Command } from 'commander'
import { BESIDE } from '../beside/help.ts'

const CODE = 'code of the app, XXXXX-XXXXX'

export function appsCommand(): Command {
  return new Command('apps')
    .description('List apps, archive them, take them back, delete them')
    .addCommand(
      new Command('list')
        .description('All apps, the archived ones included')
        .option('--json', 'print one line of JSON')
        .addHelpText('after', BESIDE)
        .action(async options => (await import('./apps.ts')).list(options)),
    )
    .addCommand(
      new Command('archive')
        .description('Keep all of an app; it takes no devices and sends nothing until it is taken back')
        .argument('<code>', CODE)
        .addHelpText('after', BESIDE)
        .action(async (code: string) => (await import('./apps.ts')).archive(code)),
    )
    .addCommand(
      new Command('unarchive')
        .description('Take an app out of the archive; what was paused stays paused')
        .argument('<code>', CODE)
        .addHelpText('after', BESIDE)
        .action(async (code: string) => (await import('./apps.ts')).unarchive(code)),
    )
    .addCommand(
      new Command('delete')
        .description('Delete an archived app with everything of it, for good')
        .argument('<code>', CODE)
        .requiredOption('--name <name>', 'the name of the app, to be sure')
        .addHelpText('after', BESIDE)
        .action(async (code: string, options) => (await import('./apps.ts')).remove(code, options)),
    )
}
