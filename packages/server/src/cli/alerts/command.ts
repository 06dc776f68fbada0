/** `roost alerts`: what people have to look at, and what to do with deaths that are held (R16). */
import { Command, Option } from 'commander'
import { BESIDE } from '../beside/help.ts'

const VERBS = {
  release: 'Make the deaths that an alert holds deaths',
  forget: 'Take the deaths that an alert holds back',
  close: 'Close an alert that holds nothing',
} as const

export function alertsCommand(): Command {
  const alerts = new Command('alerts')
    .description('List alerts, and decide on deaths that are held')
    .addCommand(listing())
  for (const [verb, description] of Object.entries(VERBS))
    alerts.addCommand(
      new Command(verb)
        .description(description)
        .argument('<id>')
        .requiredOption('--app <code>')
        .option('--json', 'print one line of JSON')
        .addHelpText('after', BESIDE)
        .action(async (id: string, options) =>
          (await import('./decide.ts')).decide(verb as keyof typeof VERBS, id, options),
        ),
    )
  return alerts
}

function listing(): Command {
  return new Command('list')
    .description('The newest 100')
    .requiredOption('--app <code>')
    .addOption(new Option('--state <name>').choices(['open', 'released', 'forgotten', 'closed']))
    .option('--json', 'print one line of JSON')
    .addHelpText('after', BESIDE)
    .action(async options => (await import('./decide.ts')).list(options))
}
