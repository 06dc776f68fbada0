/** `roost address-policy`: how old addresses may become, and what a change of that would take out of the base. */
import { Command, InvalidArgumentError, Option } from 'commander'
import { BESIDE } from '../beside/help.ts'

export function addressPolicyCommand(): Command {
  return new Command('address-policy')
    .description('How old addresses of an app may become, and what leaves the base')
    .addCommand(
      new Command('show')
        .description('The policy of an app')
        .requiredOption('--app <code>')
        .option('--json', 'print one line of JSON')
        .addHelpText('after', BESIDE)
        .action(async options => (await import('./policy.ts')).show(options)),
    )
    .addCommand(
      withChange(new Command('preview'))
        .description('Count what the next run of address-aging would remove with this change')
        .addHelpText(
          'after',
          `\nIt counts as if inactive addresses were removed, unless --keep-inactive is said.${BESIDE}`,
        )
        .option(
          '--exact',
          'count all of a large base, which takes seconds for each 100,000; else a part is, and told so',
        )
        .action(async options => (await import('./policy.ts')).preview(options)),
    )
    .addCommand(
      withChange(new Command('set'))
        .description('Change the policy; what is not named stays')
        .addHelpText('after', BESIDE)
        .action(async options => (await import('./policy.ts')).change(options)),
    )
}

function withChange(command: Command): Command {
  return command
    .requiredOption('--app <code>')
    .addOption(
      new Option(
        '--remove-inactive',
        'addresses leave the base when their device opens the app no more',
      ).conflicts('keepInactive'),
    )
    .option('--keep-inactive', 'they stay')
    .option('--inactive-days <days>', 'after so many days without an open (90)', readDays)
    .option(
      '--dormant-days <days>',
      'of whom nothing was heard for so long, neither a call nor a receipt, is not counted as reachable (30)',
      readDays,
    )
    .addOption(
      new Option('--send-to-dormant <yes|no>', 'whether campaigns go to them').choices(['yes', 'no']),
    )
    .option('--fcm-dead-days <days>', 'without a call for so long an FCM address is dead (270)', readDays)
    .option('--other-dead-days <days>', 'and any other (365)', readDays)
    .option('--tombstone-days <days>', 'addresses that ended are kept for so long (90)', readDays)
    .option(
      '--erase-days <days>',
      'devices without an address are erased after so many silent days; "never"',
      readErase,
    )
    .option('--json', 'print one line of JSON')
}

function readDays(text: string): number {
  if (!/^\d{1,4}$/.test(text)) throw new InvalidArgumentError('a number of days is wanted.')
  return Number(text)
}

function readErase(text: string): number | null {
  return text === 'never' ? null : readDays(text)
}
