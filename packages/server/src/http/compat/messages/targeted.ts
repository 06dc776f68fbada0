/**
 * Calls that name their audience with an expression of the segmentation language: `createTargetedMessage`, `createFilter`,
 * `exportSegment`, and `compileFilter`, which tells how many devices it would meet. An expression is over one app, and names it: in
 * `A("XXXXX-XXXXX")`, unless the call says `application`.
 */
import { type Condition, PushError } from '@roost/protocol'
import type { App } from '../../../access/apps.ts'
import { compileCondition } from '../../../audience/condition.ts'
import { parseExpression } from '../../../audience/expression/parse.ts'
import { readScope } from '../../../audience/scope.ts'
import { readSegmentNames } from '../../../audience/segments.ts'
import type { BackEndContext } from '../back-end.ts'
import type { Fields } from './form.ts'

export interface GivenExpression {
  readonly application?: string | undefined
  readonly expression: string
  /** The caller's name of it, for people. */
  readonly place: string
}

export interface Targeted {
  readonly app: App
  readonly condition: Condition
}

/** In `A("…")` or `AT("…", …)`; other texts may look like the code of an app. */
const NAMED_APP = /\bAT?\s*\(\s*["']([0-9A-Z]{5}-[0-9A-Z]{5})["']/i

/** Throws `condition_invalid`, `app_unknown`, `input_invalid` when no app is named. */
export async function readTargeted(
  { apps, db }: Pick<BackEndContext, 'apps' | 'db'>,
  { application, expression, place }: GivenExpression,
): Promise<Targeted> {
  const code = application ?? NAMED_APP.exec(expression)?.[1]?.toUpperCase()
  if (code === undefined)
    throw new PushError(
      'input_invalid',
      `${place}: it names no app; write A("XXXXX-XXXXX"), or name one as application`,
    )
  const app = await apps.find(code)
  const segmentNamed = await readSegmentNames(db, { appId: app.id, expression })
  return { app, condition: parseExpression(expression, { app: app.code, segmentNamed }) }
}

/** Exact, at the moment of asking. Throws `condition_invalid`. */
export async function countTargeted(
  { db, clock }: Pick<BackEndContext, 'db' | 'clock'>,
  { app, condition }: Targeted,
): Promise<number> {
  const scope = await readScope(db, { appId: app.id, condition, at: clock.now() })
  const compiled = compileCondition(condition, { firstParameter: 2, scope })
  const { rows } = await db.query<{ count: number }>(
    `select count(*) as count from device d where d.app_id = $1 and ${compiled.sql}`,
    [app.id, ...compiled.values],
  )
  return rows[0]?.count ?? 0
}

/** What is left of the call is a notification like any other. */
export function notificationOf(call: Fields): Fields {
  const { auth: _auth, application: _application, devices_filter: _filter, ...fields } = call
  return fields
}
