/**
 * Calls that name their audience with an expression of the segmentation language: `createTargetedMessage` and
 * `compileFilter`, which tells how many devices it would meet. An expression is over one app, and names it: in
 * `A("XXXXX-XXXXX")`, unless the call says `application`.
 */
import { type Condition, PushError } from '@roost/protocol'
import { compileAccepted } from '../../../audience/condition.ts'
import { parseExpression } from '../../../audience/expression/parse.ts'
import { readScope } from '../../../audience/scope.ts'
import type { HttpContext } from '../../context.ts'
import type { Fields } from './form.ts'

export interface TargetedFilter {
  readonly application?: string | undefined
  readonly devices_filter: string
}

export interface Targeted {
  readonly appId: number
  readonly condition: Condition
}

/** Throws `condition_invalid`, `app_unknown`, `input_invalid` when no app is named. */
export async function readTargeted(
  { apps }: Pick<HttpContext, 'apps'>,
  { application, devices_filter: expression }: TargetedFilter,
): Promise<Targeted> {
  const code = application ?? /"([0-9A-Z]{5}-[0-9A-Z]{5})"/.exec(expression)?.[1]
  if (code === undefined)
    throw new PushError(
      'input_invalid',
      'request.devices_filter: it names no app; write A("XXXXX-XXXXX"), or name one as request.application',
    )
  const { id: appId } = await apps.find(code)
  return { appId, condition: parseExpression(expression, { app: code }) }
}

/** Exact, at the moment of asking. */
export async function countTargeted(
  { db, clock }: Pick<HttpContext, 'db' | 'clock'>,
  { appId, condition }: Targeted,
): Promise<number> {
  const scope = await readScope(db, { appId, condition, at: clock.now() })
  const compiled = compileAccepted(condition, { firstParameter: 2, scope })
  const { rows } = await db.query<{ count: number }>(
    `select count(*) as count from device d where d.app_id = $1 and ${compiled.sql}`,
    [appId, ...compiled.values],
  )
  return rows[0]?.count ?? 0
}

/** What is left of the call is a notification like any other. */
export function notificationOf(call: Fields): Fields {
  const { auth: _auth, application: _application, devices_filter: _filter, ...fields } = call
  return fields
}
