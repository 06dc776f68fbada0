/** The port: opened once all is ready, and closed without cutting a request that is being answered. */
import type { FastifyInstance } from 'fastify'
import type { Config } from '../config.ts'
import { StartError } from '../store/folder.ts'

/** Answers the requests in hand; a client that holds its own up for longer is cut. */
export async function closeApp(app: FastifyInstance, withinMs: number): Promise<void> {
  const cut = setTimeout(() => app.server.closeAllConnections(), withinMs)
  try {
    await app.close()
  } finally {
    clearTimeout(cut)
  }
}

/**
 * Connections that wait to be taken: after a push to everybody phones come at once, and Node's 511 would reset the rest. The system's own
 * limit counts as well (Linux: net.core.somaxconn, 4096 by default).
 */
const BACKLOG = 4096

export async function listen(app: FastifyInstance, config: Config): Promise<string> {
  await app.ready() // a fault of ours in there is none of the address
  try {
    return await app.listen({ host: config.host, port: config.port, backlog: BACKLOG })
  } catch (error) {
    throw listenFault(config, error as NodeJS.ErrnoException)
  }
}

const LISTEN_FAULTS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the port is taken',
  EACCES: 'the port may not be opened by this user',
  ENOTFOUND: 'there is no host of this name',
  EAI_AGAIN: 'there is no host of this name, or no name server answers',
  EADDRNOTAVAIL: 'this machine does not have this address',
}

function listenFault(config: Config, { code = '', message }: NodeJS.ErrnoException): StartError {
  const isPort = code === 'EADDRINUSE' || code === 'EACCES'
  return new StartError(
    `can't listen on ${config.host}:${config.port}: ${LISTEN_FAULTS[code] ?? message}`,
    isPort
      ? 'Stop what uses it, or choose others with ROOST_HOST and ROOST_PORT (0 = any free port).'
      : 'Correct ROOST_HOST: 127.0.0.1 for this machine alone, 0.0.0.0 for all its networks.',
  )
}
