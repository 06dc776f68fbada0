/** `roost serve`: the server, until it is told to stop. */
import { Command } from 'commander'

export function serveCommand(): Command {
  return new Command('serve')
    .description('Start the server (this is what npm start does)')
    .addHelpText(
      'after',
      '\nStops cleanly on Ctrl-C and SIGTERM: work in hand is finished, the rest goes on at the next start.',
    )
    .action(serve)
}

async function serve(): Promise<void> {
  const { readConfig } = await import('../config.ts')
  const { startServer } = await import('../main.ts')
  const config = readConfig(process.env)
  const stop = untilStopped()
  const server = await startServer(config)
  process.stdout.write(`Roost is listening on ${server.url}\n`)
  if (server.firstToken !== undefined) {
    process.stdout.write(
      `A server token was made for this first start. It is shown only once; keep it:\n  ${server.firstToken}\nConsole: ${server.url}/#token=${server.firstToken}\n`,
    )
  }
  await stop
  await server.close()
}

/** A second signal ends the process at once: somebody is in a hurry. */
export function untilStopped(): Promise<void> {
  return new Promise(resolve => {
    const onSignal = () => {
      resolve()
      process.once('SIGINT', () => process.exit(130))
    }
    process.once('SIGINT', onSignal)
    process.once('SIGTERM', onSignal)
  })
}
