/**
 * Checks of credentials, at upload and daily: is what is stored still readable and in force, and does its gateway take
 * it? The answers are kept with the credential; what is wrong is told once (`credential.refused`).
 *
 * A check pauses nothing: it is told that a gateway refuses, and sending finds out by itself which part that stops. It
 * ends pauses: a fault may be mended elsewhere (our clock, a right given back in a console), and then the content needs
 * no replacing. A gateway that can't be asked says nothing of the credential.
 */
import type { CredentialCheck } from '@roost/protocol'
import type { Database, Queryable } from '../store/database.ts'
import { noteHistory, ROOST } from './history.ts'
import { forgetEndedPauses, forgetRefusals, placeOf, refusalNotice, tellOnce } from './notices.ts'
import { endDisproved } from './pauses.ts'
import { type Probed, type ProberOptions, probe } from './prober.ts'
import { explainRefusal } from './problems.ts'

export interface CheckOptions extends ProberOptions {
  readonly db: Database
}

export interface CheckCounts {
  readonly checked: number
  readonly refused: number
  readonly unreachable: number
}

/** Of all apps unless one is named. */
interface CheckingAll {
  readonly appId?: number | undefined
  /** What was found of each app that has a credential which was asked about. */
  readonly tell?: (appId: number, counts: CheckCounts) => void
}

interface Result {
  readonly appId: number
  readonly checks: readonly CredentialCheck[]
}

function countsOf(results: readonly Result[]): CheckCounts {
  const countOf = (outcome: CredentialCheck['outcome']) =>
    results.filter(({ checks }) => checks.some(it => it.outcome === outcome)).length
  return { checked: results.length, refused: countOf('refused'), unreachable: countOf('unreachable') }
}

interface Row extends Probed {
  readonly appId: number
  readonly version: number
  readonly expiresAt: string | null
}

const ROW =
  'id, app_id as "appId", version, gateway, kind, environments, settings, sealed, expires_at as "expiresAt"'

/** Of one that was asked, or uploaded, less than this long ago the daily check does not ask again. */
const ASKED_LATELY_MS = 12 * 60 * 60_000
const IN_PARALLEL = 4

export class CredentialChecks {
  readonly #options: CheckOptions

  constructor(options: CheckOptions) {
    this.#options = options
  }

  /** Waits for the gateways, at most as long as a probe's deadline. Does nothing for a credential that is gone. */
  async check(id: string): Promise<void> {
    const { rows } = await this.#options.db.query<Row>(`select ${ROW} from credential where id = $1`, [id])
    for (const row of rows) await this.#check(row, this.#options.clock.now())
  }

  /** Every credential that was not asked about lately, but those of archived apps, which send nothing; `at`: ms. */
  async checkAll(at: number, { appId, tell }: CheckingAll = {}): Promise<CheckCounts> {
    const { rows } = await this.#options.db.query<Row>(
      `select ${ROW} from credential
        where (checked_at is null or checked_at <= $1) and ($2::integer is null or app_id = $2)
          and app_id in (select a.id from app a where a.archived_at is null) order by id`,
      [new Date(at - ASKED_LATELY_MS), appId ?? null],
    )
    const results: Result[] = []
    const lane = async () => {
      for (let row = rows.pop(); row !== undefined && !this.#isStopping; row = rows.pop())
        results.push({ appId: row.appId, checks: await this.#check(row, at) })
    }
    await Promise.all(Array.from({ length: IN_PARALLEL }, lane))
    for (const app of new Set(results.map(it => it.appId)))
      tell?.(app, countsOf(results.filter(it => it.appId === app)))
    return countsOf(results)
  }

  get #isStopping(): boolean {
    return this.#options.signal?.aborted ?? false
  }

  async #check(row: Row, at: number): Promise<CredentialCheck[]> {
    const isExpired = row.expiresAt !== null && Date.parse(row.expiresAt) <= at
    const checks = isExpired ? [] : await probe(row, this.#options)
    if (this.#isStopping) return [] // what was cut off says nothing
    await this.#options.db.transaction(async tx => {
      const { rowCount } = await tx.query(
        'update credential set checked_at = $3, checks = $4 where id = $1 and version = $2',
        [row.id, row.version, new Date(at), JSON.stringify(checks)],
      )
      if (rowCount === 0) return // replaced meanwhile: these answers are about another content
      await resume(tx, { row, checks, at })
      for (const { outcome, environment, reason } of checks) {
        if (outcome !== 'refused') continue
        const refusal = { part: environment ?? '', reason: reason ?? 'refused' }
        const { message, remedy } = explainRefusal(row.gateway, refusal)
        await tellOnce(tx, {
          credentialId: row.id,
          version: row.version,
          appId: row.appId,
          notice: refusalNotice(placeOf(refusal)),
          type: 'credential.refused',
          data: { gateway: row.gateway, kind: row.kind, settings: row.settings, ...refusal, message, remedy },
          at,
        })
      }
    })
    return checks
  }
}

interface Answered {
  readonly row: Row
  readonly checks: readonly CredentialCheck[]
  readonly at: number
}

async function resume(tx: Queryable, { row, checks, at }: Answered): Promise<void> {
  const taken = checks.filter(it => it.outcome === 'accepted')
  const content = { credentialId: row.id, version: row.version }
  const ended = await endDisproved(tx, {
    ...content,
    parts: taken.flatMap(it => it.environment ?? []),
    isEverywhere: taken.length > 0 && taken.length === checks.length,
  })
  for (const { part, reason } of ended) {
    const place = part === '' ? reason : `${part}: ${reason}`
    await noteHistory(tx, { credentialId: row.id, event: 'resumed', by: ROOST, at, reason: place })
  }
  await forgetEndedPauses(tx, row.id)
  await forgetRefusals(tx, { ...content, environments: taken.map(it => it.environment) })
}
