/** `roost segments`: who is meant, by way of a running server. */
import { Command, Option } from 'commander'
import { defaultServerUrl } from '../server/url.ts'

const WHICH = 'its id, its code (52551-F2F42) or its name'

const EXPRESSIONS = `
An expression combines sets of devices: * is "and", + is "or", \\ is "without"; parentheses say what belongs together.
  T("tier", EQ, "gold")                                  a tag: EQ NOTEQ IN NOTIN GTE LTE BETWEEN SET NOTSET
  F("appVersion", GTE, "2.10")                           a field of the device, such as platform, language, country, push
  T("Last Application Open", daysago, GTE, 90)           at least 90 days ago
  Event("Purchase", atLeast 3, withinDays 30)            did it; A("XXXXX-XXXXX") \\ Event("Purchase") did not
  Message("any", opened, withinDays 14)                  received, opened
  Segment("…") * List("…")                               by id; a segment also by name or code
docs/segments.md has all of it. \`roost segments compile\` shows what an expression means, and how many it meets.`

export function segmentsCommand(): Command {
  return new Command('segments')
    .description('Segments: conditions with a name, their sizes and exports')
    .addCommand(
      command('list', 'All segments of an app, newest first').action(async options =>
        (await calls()).list(options, print),
      ),
    )
    .addCommand(
      of('show', 'A segment, with the runs of a nightly one').action(async (segment: string, options) =>
        (await calls()).show(segment, options, print),
      ),
    )
    .addCommand(creating())
    .addCommand(
      of('delete', 'Delete one that no message under way and no other segment names').action(
        async (segment: string, options) => (await calls()).remove(segment, options, print),
      ),
    )
    .addCommand(
      counted(of('size', 'How many devices are in it')).action(async (segment: string, options) =>
        (await calls()).size(segment, options, print),
      ),
    )
    .addCommand(
      of('compute', 'Compute a nightly one now').action(async (segment: string, options) =>
        (await calls()).compute(segment, options, print),
      ),
    )
    .addCommand(compiling())
    .addCommand(exporting())
    .addHelpText('after', EXPRESSIONS)
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

function of(name: string, description: string): Command {
  return command(name, description).argument('<segment>', WHICH)
}

function counted(made: Command): Command {
  return made
    .option('--exact', 'count all, instead of an estimate')
    .option('--reach', 'also how many have an address that lives and may show something')
}

function conditioned(made: Command): Command {
  return made
    .addOption(new Option('--expression <text>', 'who is in it').conflicts('condition'))
    .option('--condition <json>', 'the same as JSON, as messages have it; @path reads a file')
    .addHelpText('after', EXPRESSIONS)
}

function creating(): Command {
  return conditioned(command('create', 'Make a segment of an expression or a condition').argument('<name>'))
    .option('--nightly', 'computed once a day, and the same all day; live otherwise')
    .option('--hour <n>', 'of the day in the app’s time zone at which a nightly one is computed', Number)
    .action(async (name: string, options) => (await calls()).create(name, options, print))
}

function compiling(): Command {
  return conditioned(
    counted(
      command('compile', 'What an expression or a condition means, and how many it meets; nothing is made'),
    ).argument('[expression]', 'instead of --expression'),
  ).action(async (expression: string | undefined, options) =>
    (await calls()).compile(expression, options, print),
  )
}

function exporting(): Command {
  return of('export', 'Write the devices of a segment to a zip, and tell how far it is')
    .addOption(
      new Option('--format <name>', 'spreadsheet: CSV whose cells no spreadsheet takes for formulas')
        .choices(['csv', 'ndjson', 'spreadsheet'])
        .default('csv'),
    )
    .option('--tokens', 'whole tokens, instead of their last characters')
    .option('-o, --output <path>', 'by default the name that the server gives it')
    .option('--link', 'do not fetch it: print the link, which is good for a day and needs no token')
    .addHelpText(
      'after',
      '\nThe server writes the file. Stopped and run again, this asks for a new one; the former is dropped after a day.',
    )
    .action(async (segment: string, options) =>
      (await import('./export.ts')).exportSegment(segment, options, print),
    )
}
