/** `roost serve`: the server, until it is told to stop. */
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { Command } from 'commander'
import type { Config } from '../config.ts'
import type { RunningServer } from '../main.ts'

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
  process.stdout.write(`Roost is listening on ${server.url}\n${await tokenLine(server, config)}`)
  await stop
  await server.close()
}

/** Where the server token is; the token itself only at the start that made it. */
async function tokenLine(server: RunningServer, config: Config): Promise<string> {
  const file = join(config.dataDirectory, 'server-token')
  const { firstToken, url } = server
  if (firstToken !== undefined)
    return `A server token was made, and is kept in ${file}:\n  ${firstToken}\nConsole: ${url}/#token=${firstToken}\n`
  const isKept =
    config.bootstrapToken === undefined && (await stat(file).catch(() => undefined)) !== undefined
  return isKept ? `The server token is in ${file}\n` : ''
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
