/** `roost doctor`: looks at everything, and says what is wrong and what mends it. */
import { Command } from 'commander'

const WIDTH = 120

export function doctorCommand(): Command {
  return new Command('doctor')
    .description('Look at everything this server needs, and say what is wrong and what mends it')
    .option('--url <url>', 'of the running server; by default where it is started in this environment')
    .option('--offline', 'ask no gateways')
    .option(
      '--start-database',
      'start the embedded PostgreSQL when it does not run, for as long as it is looked at',
    )
    .option('--json', 'print one line of JSON')
    .addHelpText(
      'after',
      '\nRun it in the environment of the server, with the server running or not. It changes nothing, and prints no secret.\nThe exit status is 1 when something is wrong, else 0; warnings do not count.',
    )
    .action(run)
}

interface Options {
  readonly url?: string
  readonly offline?: boolean
  readonly startDatabase?: boolean
  readonly json?: boolean
}

async function run({ url, offline = false, startDatabase = false, json }: Options): Promise<void> {
  const { examine } = await import('./doctor.ts')
  const { pageOf } = await import('./page.ts')
  const told = await examine({
    environment: process.env,
    url,
    isOffline: offline,
    startsDatabase: startDatabase,
  })
  const isWrong = told.some(it => it.state === 'wrong')
  const { isTTY: hasColors = false, columns = WIDTH } = process.stdout
  const page = { hasColors, width: hasColors ? Math.min(columns, WIDTH) : WIDTH }
  process.stdout.write(
    json ? `${JSON.stringify({ ok: !isWrong, findings: told })}\n` : `${pageOf(told, page)}\n`,
  )
  if (isWrong) process.exitCode = 1
}
