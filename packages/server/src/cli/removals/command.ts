/** `roost removals`: what was taken out of the base, and taking it back. */
import { Command, Option } from 'commander'
import { BESIDE } from '../beside/help.ts'

export function removalsCommand(): Command {
  return new Command('removals')
    .description('Addresses that were removed, and taking removals back')
    .addCommand(exporting())
    .addCommand(undoing())
}

function exporting(): Command {
  return new Command('export')
    .description('Write what was removed and why, oldest first')
    .requiredOption('--app <code>')
    .addOption(new Option('--format <name>').choices(['csv', 'ndjson', 'spreadsheet']).default('csv'))
    .option('--json', 'NDJSON: one JSON object a line')
    .option('--from <time>', 'ISO 8601; by default 30 days ago')
    .option('--to <time>', 'ISO 8601; by default now')
    .option('--event <name...>', 'dead, unregistered, superseded, moved, quarantined, removal_undone')
    .option('--reason <name...>', 'as the gateways say it: UNREGISTERED, BadDeviceToken …')
    .addHelpText('after', BESIDE)
    .action(async options => (await import('./export.ts')).exportAll(options))
}

function undoing(): Command {
  return new Command('undo')
    .description('Take removals of the last 30 days back; say --dry-run first')
    .requiredOption('--app <code>')
    .option('--message <id>', 'what the answers to this message removed')
    .option('--reason <name...>', 'as `roost removals export` has them')
    .option('--from <time>', 'ISO 8601')
    .option('--to <time>', 'ISO 8601; by default now')
    .option('--dry-run', 'only count what would come back')
    .option('--json', 'print one line of JSON')
    .addHelpText(
      'after',
      `
Name at least one of --message, --reason and --from. Devices that registered again, have another address since, or asked
to be left alone are left as they are. Run again it finds nothing left to do.
${BESIDE}`,
    )
    .action(async options => (await import('./undo.ts')).undo(options))
}
