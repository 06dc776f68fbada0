/**
 * Credentials (DX-01…12): whether this machine can open them, what is wrong with each, and whether devices wait where there
 * is none.
 */
import { PROVIDERS } from '@roost/protocol'
import type { App } from '../../access/apps.ts'
import { listCredentials } from '../../credentials/credentials.ts'
import { Seal } from '../../credentials/seal.ts'
import type { Queryable } from '../../store/database.ts'
import { type Finding, ok, unknown, warning, wrong } from './finding.ts'
import type { Served } from './gateways.ts'

const SUBJECT = 'credentials'

export interface Looking {
  readonly apps: readonly App[]
  /** What seals them; undefined when it could not be read. */
  readonly secret: string | undefined
  /** ms. */
  readonly at: number
}

export async function lookAtCredentials(db: Queryable, { apps, secret, at }: Looking): Promise<Finding[]> {
  const perApp = await Promise.all(apps.map(app => findingsOfApp(db, app, at)))
  return [...(await sealFindings(db, secret)), ...perApp.flat()]
}

/** What the start of a server refuses, too. */
async function sealFindings(db: Queryable, secret: string | undefined): Promise<Finding[]> {
  const canary = await db.query<{ sealed: Buffer }>('select sealed from secret_canary')
  const stored = await db.query<{ id: string; sealed: Buffer }>('select id, sealed from credential')
  const sealed = [...canary.rows.map(row => ({ id: 'canary', ...row })), ...stored.rows]
  if (sealed.length === 0) return []
  if (secret === undefined)
    return [
      unknown(
        'ROOST_SECRET',
        'is not to be seen from here, so nobody knows whether it opens the credentials',
        'Run this as the user, and in the environment, of the server.',
      ),
    ]
  const seal = new Seal(secret)
  const closed = sealed.filter(it => !opens(seal, it))
  if (closed.length === 0) return []
  return [
    wrong(
      'ROOST_SECRET',
      'is another one than this database was sealed with; a server does not start with it',
      'Use the secret of before (without ROOST_SECRET it is the file "secret" in the data folder).',
    ),
  ]
}

function opens(seal: Seal, { id, sealed }: { readonly id: string; readonly sealed: Buffer }): boolean {
  try {
    seal.open(id, sealed)
    return true
  } catch {
    return false
  }
}

async function findingsOfApp(db: Queryable, app: App, at: number): Promise<Finding[]> {
  const credentials = await listCredentials(db, app.id, at)
  const faults = credentials.flatMap(({ id, gateway, kind, status, problems, checks }) => {
    const subject = `${gateway} ${kind} of ${app.code}`
    const unasked = checks.filter(it => it.outcome === 'unreachable')
    return [
      ...problems.map(({ severity, message, remedy }) =>
        (severity === 'error' ? wrong : warning)(
          subject,
          message,
          status === 'paused' ? `${remedy} ${checkAgain(app.code, id)}` : remedy,
        ),
      ),
      ...unasked.map(it =>
        warning(
          subject,
          `its gateway could not be asked about it at ${it.at}: ${it.reason}`,
          'See the gateways above.',
        ),
      ),
    ]
  })
  const missing = await missingFindings(db, { app, served: credentials })
  const findings = [...faults, ...missing]
  if (findings.length > 0 || credentials.length === 0) return findings
  return [ok(SUBJECT, `${credentials.length} of ${app.code}, nothing is wrong with them`)]
}

/** A content that is replaced is checked by itself; what was mended at the gateway nobody hears of before the next day. */
function checkAgain(app: string, id: string): string {
  return `When it is mended where it is kept: POST /v1/apps/${app}/credentials/${id}/check lets what waits go on at once.`
}

/** Of each gateway so many addresses tell in which environments there are any. */
const SAMPLED = 2000
/** Uses the index address_sendable. */
const PLACES = `
  select p.provider as gateway, s.environment
    from unnest($2::text[]) as p (provider)
   cross join lateral (
     select distinct t.environment from (
       select a.environment from address a
        where a.app_id = $1 and a.provider = p.provider and a.kind = 'alert' and a.state in ('active', 'suspect')
        limit ${SAMPLED}) t) s
   order by 1, 2`

async function missingFindings(
  db: Queryable,
  { app, served }: { readonly app: App; readonly served: readonly Served[] },
): Promise<Finding[]> {
  const { rows } = await db.query<{ gateway: string; environment: string }>(PLACES, [app.id, PROVIDERS])
  return rows
    .filter(({ gateway, environment }) => !served.some(it => serves(it, gateway, environment)))
    .map(({ gateway, environment }) => {
      const place = environment === '' ? gateway : `${gateway} (${environment})`
      return wrong(
        SUBJECT,
        `${app.code} has devices at ${place} and no credential for it, so they are sent nothing`,
        'Upload one: POST …/credentials; docs/credentials.md tells where each gateway keeps it.',
      )
    })
}

function serves(served: Served, gateway: string, environment: string): boolean {
  return served.gateway === gateway && (environment === '' || served.environments.includes(environment))
}

export async function readServed(db: Queryable): Promise<Served[]> {
  return (await db.query<Served>('select gateway, environments from credential')).rows
}

/** Of each app so many subscriptions tell which push services its browsers use. */
const ENDPOINTS = `
  select e.address from app p cross join lateral (
    select a.address from address a
     where a.app_id = p.id and a.provider = 'webpush' and a.kind = 'alert' and a.state in ('active', 'suspect')
     limit 200) e`

export async function readEndpoints(db: Queryable): Promise<string[]> {
  return (await db.query<{ address: string }>(ENDPOINTS)).rows.map(it => it.address)
}
