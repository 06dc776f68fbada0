/** How the embedded PostgreSQL is spoken to: on loopback, as its only user, by the password of the data folder. */
import pg from 'pg'
import { StartError } from '../folder.ts'

export const USER = 'roost'

export function connectionTo(url: string): pg.Client {
  const client = new pg.Client({
    connectionString: url,
    application_name: `roost ${process.pid}`,
    connectionTimeoutMillis: 2000,
  })
  client.on('error', () => undefined)
  return client
}

/**
 * `pg` takes whatever a URL leaves open from the PG* variables of the shell, which are about somebody's other database:
 * PGSSLMODE=require could not be met, PGOPTIONS may name what this server does not know.
 */
const OWN_PARAMETERS = new URLSearchParams({
  sslmode: 'disable',
  sslnegotiation: 'postgres',
  client_encoding: 'UTF8',
  options: '-c search_path=public',
})

export function urlOf(port: number, password: string, database: string): string {
  const parameters = OWN_PARAMETERS.toString().replaceAll('+', '%20')
  return `postgres://${USER}:${password}@127.0.0.1:${port}/${database}?${parameters}`
}

/** Throws StartError when it answers that the password is not its own. */
export async function answers(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2000 })
  client.on('error', () => undefined)
  try {
    await client.connect()
    await client.query('select 1')
    return true
  } catch (error) {
    if ((error as { readonly code?: unknown }).code === WRONG_PASSWORD) throw wrongPassword()
    return false
  } finally {
    await client.end().catch(() => undefined)
  }
}

/** Source: PostgreSQL, "Error codes", invalid_password. */
const WRONG_PASSWORD = '28P01'

function wrongPassword(): StartError {
  return new StartError(
    'the file postgres.password in the data folder does not hold the password of the database beside it',
    'Put the file back from your backup of the data folder, of the same time as its folder postgres.',
  )
}
