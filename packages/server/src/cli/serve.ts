/** `roost serve`: the server, until it is told to stop. */
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { Command } from 'commander'
import type { Config } from '../config.ts'
import type { RunningServer } from '../main.ts'
import type { Role } from '../start/roles.ts'
import { StartError } from '../store/folder.ts'
import { keepHeapSmall } from './memory.ts'
import { listenForStop } from './stop.ts'
import { tellUnknown } from './unknown-settings.ts'

/** A call is on its way for a tenth of a second; a rolling restart should lose none. */
const DRAIN_MS = 500

export function serveCommand(): Command {
  return new Command('serve')
    .description('Start the server (this is what npm start does)')
    .option(
      '--roles <list>',
      'what this process does, of api,send,jobs; others on the same database do the rest',
      'api,send,jobs',
    )
    .addHelpText(
      'after',
      `
Stops cleanly on Ctrl-C and SIGTERM: work in hand is finished, the rest goes on at the next start.

Limits of calls (docs/configuration.md has the reasons; 0 = no limit):
  ROOST_TRUSTED_PROXIES         whose X-Forwarded-For is believed       (nobody's)
  ROOST_CALLS_PER_APP           device calls a second of one app        10000
  ROOST_CALLS_PER_CLIENT        device calls a minute of one client     12000
  ROOST_DEVICES_PER_CLIENT      new devices an hour of one client       2000
  ROOST_CONNECTIONS_PER_CLIENT  open connections of one client          5000`,
    )
    .action(serve)
}

async function serve({ roles: list }: { readonly roles: string }): Promise<void> {
  const { readConfig, unknownSettings } = await import('../config.ts')
  const { startServer } = await import('../main.ts')
  const { ROLES } = await import('../start/roles.ts')
  const roles = readRoles(list, ROLES)
  if (roles.includes('send') && !roles.includes('api')) keepHeapSmall()
  const { pino } = await import('pino')
  const config = readConfig(process.env)
  tellUnknown(unknownSettings(process.env))
  // A server whose first lines somebody reads with "| head" goes on.
  const stop = listenForStop({
    isForReader: false,
    onSignal: () => say('stopping: finishing what is in hand'),
  })
  // Lines for people go to stdout, lines for machines to stderr.
  const logger = pino({ level: config.logLevel }, pino.destination(2))
  const { signal } = stop
  const server = await startServer(config, { logger, drainMs: DRAIN_MS, roles, signal }).catch(
    (error: unknown) => {
      if (error !== signal.reason) throw error // what fails while it stops is told
    },
  )
  if (server === undefined) return say('stopped')
  // Stopped while it started, it was never there for anybody.
  if (!stop.signal.aborted)
    say(
      server.url === ''
        ? `Roost is running: ${roles.join(', ')}`
        : `Roost is listening on ${server.url}\n${await tokenLine(server, config)}${setupLine(server)}`.trimEnd(),
    )
  await stop.asked
  await server.close()
  say('stopped')
}

function readRoles(list: string, known: readonly Role[]): Role[] {
  const names = list.split(',').map(it => it.trim())
  const roles = known.filter(it => names.includes(it))
  const wrong = names.filter(it => !known.some(role => role === it))
  if (wrong.length > 0)
    throw new StartError(
      `--roles: "${wrong.join('", "')}" is none`,
      `Give some of ${known.join(', ')}, with commas.`,
    )
  return roles
}

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}

/** Where the server token is; the token itself only at the start that made it. */
async function tokenLine(server: RunningServer, config: Config): Promise<string> {
  const file = join(config.dataDirectory, 'server-token')
  const { firstToken } = server
  if (firstToken !== undefined)
    return `A server token for programs was made, and is kept in ${file}:\n  ${firstToken}\n`
  const isKept =
    config.bootstrapToken === undefined && (await stat(file).catch(() => undefined)) !== undefined
  return isKept ? `The server token is in ${file}\n` : ''
}

/** As long as there is nobody: whoever reads this runs the server, and may make the first owner. Last and framed, since it is what comes next. */
function setupLine({ setupCode, url }: RunningServer): string {
  if (setupCode === undefined) return ''
  const lines = ['Make the first owner, in a browser:', `${url}/#setup=${setupCode}`]
  const frame = '─'.repeat(Math.max(...lines.map(it => it.length)) + 4)
  return ['', frame, ...lines.map(it => `  ${it}`), frame, ''].join('\n')
}
