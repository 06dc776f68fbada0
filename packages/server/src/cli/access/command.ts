/** `roost access`: the way back in for whoever runs the server and has lost a password, a second factor or the last owner. */
import { Command } from 'commander'
import { BESIDE } from '../beside/help.ts'

const NAME = 'as the person signs in; capitals make no difference'

export function accessCommand(): Command {
  return new Command('access')
    .description('People who may sign in: list them, or let somebody in again')
    .addCommand(
      new Command('list')
        .description('List people with their roles in the installation')
        .option('--json', 'print one line of JSON')
        .addHelpText('after', BESIDE)
        .action(async options => (await import('./people.ts')).list(options)),
    )
    .addCommand(
      new Command('setup-code')
        .description('Show the code with which the first owner is made')
        .addHelpText('after', BESIDE)
        .action(async () => (await import('./people.ts')).showSetupCode()),
    )
    .addCommand(
      new Command('reset-password')
        .description('Give a person a new password, which is printed once; all their sessions are over')
        .argument('<name>', NAME)
        .option('--without-second-factor', 'turn the second factor off, too')
        .option('--json', 'print one line of JSON')
        .addHelpText('after', BESIDE)
        .action(async (name: string, options) => (await import('./people.ts')).resetPassword(name, options)),
    )
    .addCommand(
      new Command('owner')
        .description('Make a person an owner of the installation; one who is not there yet gets a password')
        .argument('<name>', NAME)
        .option('--json', 'print one line of JSON')
        .addHelpText('after', BESIDE)
        .action(async (name: string, options) => (await import('./people.ts')).makeOwner(name, options)),
    )
}
