/** `roost schedules` and `roost triggers`: what sends again and again, by way of a running server. */
import { Command } from 'commander'
import { defaultServerUrl } from '../server/url.ts'
import type { Kind } from './calls.ts'

export function schedulesCommand(): Command {
  return repeatingCommand('schedule', 'Schedules: messages at times of a cron expression', {
    pause: 'Make no runs until it is resumed; what falls in the pause is not made up for',
    resume: 'Go on with the next run',
    delete: 'Delete it; messages that it has made stay as they are',
  })
}

export function triggersCommand(): Command {
  return repeatingCommand('trigger', 'Triggers: messages that events of devices ask for', {
    pause: 'Send nothing and start nothing until it is resumed; what waits goes on waiting',
    resume: 'Go on with what waits',
    delete: 'Delete it, with what waits; messages that it has sent stay to be read',
  })
}

type Verb = 'pause' | 'resume' | 'delete'

function repeatingCommand(kind: Kind, description: string, verbs: Readonly<Record<Verb, string>>): Command {
  const made = new Command(`${kind}s`).description(description)
  made.addCommand(
    command('list', `All ${kind}s of an app, newest first`).action(async options =>
      (await calls()).list(kind, options, print),
    ),
  )
  made.addCommand(
    command('show', 'One of them, with what it sends')
      .argument(`<${kind}>`, 'its id or its name')
      .action(async (given: string, options) => (await calls()).show(kind, { ...options, given }, print)),
  )
  made.addCommand(
    command('create', 'Make one of a file; see docs/messages.md')
      .argument('<file>', `JSON, as POST …/${kind}s takes it`)
      .action(async (file: string, options) => (await calls()).create(kind, { ...options, file }, print)),
  )
  for (const [verb, what] of Object.entries(verbs) as [Verb, string][])
    made.addCommand(
      command(verb, what)
        .argument(`<${kind}>`, 'its id or its name')
        .action(async (given: string, options) => {
          const { change, remove } = await calls()
          if (verb === 'delete') await remove(kind, { ...options, given }, print)
          else await change(kind, { ...options, given, verb }, print)
        }),
    )
  return made
}

async function calls(): Promise<typeof import('./calls.ts')> {
  return import('./calls.ts')
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

function command(name: string, description: string): Command {
  return new Command(name)
    .description(description)
    .requiredOption('--app <code>')
    .option('--url <url>', 'of the server', defaultServerUrl(process.env))
    .option('--token <token>', 'server token; better in ROOST_BOOTSTRAP_TOKEN')
    .option('--json', 'print one line of JSON')
}
