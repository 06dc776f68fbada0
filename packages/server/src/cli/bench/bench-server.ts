/** The server that is measured: as `roost serve` starts it, on a database of the measurement's own. */
import { randomBytes } from 'node:crypto'
import { type Rest, restOf } from '../rest.ts'
import type { BenchStore, Closer } from './bench-database.ts'
import { type BenchServer, startRoost } from './bench-processes.ts'

export interface MeasuredServer {
  readonly server: BenchServer
  readonly serverToken: string
  readonly rest: Rest
}

/** `environment`: beside the store, the port and the server token, which are chosen here. Throws StartError. */
export async function serveStore(
  { url, folder }: BenchStore,
  environment: NodeJS.ProcessEnv,
  closers: Closer[],
): Promise<MeasuredServer> {
  const serverToken = randomBytes(32).toString('base64url')
  const server = await startRoost({
    ...environment,
    ROOST_DATABASE_URL: url,
    ROOST_DATA_DIR: folder,
    ROOST_HOST: '127.0.0.1',
    ROOST_PORT: '0',
    ROOST_BOOTSTRAP_TOKEN: serverToken,
  })
  closers.push(() => server.stop())
  return { server, serverToken, rest: restOf(server.url, serverToken) }
}

export interface BenchApp {
  /** Its code. */
  readonly app: string
  readonly appId: number
  readonly deviceToken: string
}

export async function makeApp(rest: Rest, { db }: Pick<BenchStore, 'db'>): Promise<BenchApp> {
  const { code, deviceToken } = await rest<{ code: string; deviceToken: string }>('POST', '/v1/apps', {
    name: 'bench',
  })
  const { rows } = await db.query<{ id: number }>('select id from app where code = $1', [code])
  return { app: code, appId: rows[0]?.id ?? 0, deviceToken }
}
