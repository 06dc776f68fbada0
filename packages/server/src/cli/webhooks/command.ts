/** `roost webhooks`: who is told of what happens, and what became of it. */
import { Command } from 'commander'
import { BESIDE } from '../beside/help.ts'

export function webhooksCommand(): Command {
  return new Command('webhooks')
    .description('Add, list and look after webhooks')
    .addCommand(
      command('list', 'All webhooks of an app').action(async options =>
        (await import('./calls.ts')).list(options),
      ),
    )
    .addCommand(
      command('add', 'Add a webhook; its secret is shown this once')
        .argument('<url>', 'https')
        .option('--event <name...>', 'by default all')
        .action(async (url: string, options) => (await import('./calls.ts')).add(url, options)),
    )
    .addCommand(
      of('start', 'Tell it again of what happens').action(async (id: string, options) =>
        (await import('./calls.ts')).setActive(id, true, options),
      ),
    )
    .addCommand(
      of('stop', 'Tell it no more; removals wait for it').action(async (id: string, options) =>
        (await import('./calls.ts')).setActive(id, false, options),
      ),
    )
    .addCommand(
      of('delete', 'Delete it, with what waits for it').action(async (id: string, options) =>
        (await import('./calls.ts')).remove(id, options),
      ),
    )
    .addCommand(
      of('secret', 'Give it a new secret, which is shown this once')
        .option('--former-hours <n>', 'how long the former secret signs beside it, 0 to 168', '24')
        .action(async (id: string, options) => (await import('./calls.ts')).newSecret(id, options)),
    )
    .addCommand(
      of('deliveries', 'The newest 100 deliveries').action(async (id: string, options) =>
        (await import('./calls.ts')).deliveries(id, options),
      ),
    )
    .addCommand(
      of('redeliver', 'Deliver events again')
        .option('--event-id <id...>', 'these')
        .option('--failed-since <time>', 'all that were given up of this time on, ISO 8601')
        .addHelpText('after', '\nA server that runs, or `roost jobs run webhook-delivery`, carries them out.')
        .action(async (id: string, options) => (await import('./calls.ts')).again(id, options)),
    )
}

function command(name: string, description: string): Command {
  return new Command(name)
    .description(description)
    .requiredOption('--app <code>')
    .option('--json', 'print one line of JSON')
    .addHelpText('after', BESIDE)
}

function of(name: string, description: string): Command {
  return command(name, description).argument('<id>')
}
