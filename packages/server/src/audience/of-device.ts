/**
 * Which segments one device is in, and what of a condition keeps it out or lets it in.
 *
 * A condition is asked of one device by the keys that it is asked of all by, so some hundred segments take as many key reads. A page asks them in
 * statements of a few each, and ends when its time is over.
 */
import {
  type Condition,
  type DeviceView,
  PushError,
  type SegmentOfDevice,
  type SegmentOfDeviceReasons,
  type SegmentReason,
  type SegmentsOfDevice,
  type SegmentView,
} from '@roost/protocol'
import { bucketOf } from '../registry/buckets.ts'
import { readDevice } from '../registry/read.ts'
import type { Queryable } from '../store/database.ts'
import { compileCondition } from './condition.ts'
import type { ConditionScope } from './context.ts'
import { printExpression } from './expression/print.ts'
import { readScope } from './scope.ts'
import { readSegment, type SegmentApp } from './segments.ts'

const CONDITIONS_A_STATEMENT = 20
/** PostgreSQL's protocol counts them in 16 bits. */
const PARAMETERS_MAX = 65_000
const PAGE_MS = 200
const REASONS_SHOWN = 50

interface DeviceKey {
  readonly app: SegmentApp
  readonly hwid: string
  /** ms; days are counted back from it. */
  readonly at: number
}

export interface SegmentsOfDeviceQuery extends DeviceKey {
  readonly limit: number
  /** `next` of the page before. */
  readonly after: string | undefined
}

type Named = Pick<SegmentOfDevice, 'id' | 'name' | 'mode' | 'asOf'>

/** Newest first, by the segment that came before. */
const NAMED = `
  select g.id, g.name, g.mode, s.started_at as "asOf"
    from segment g left join segment_snapshot s on s.id = g.snapshot_id
   where g.app_id = $1
     and ($2::uuid is null or (g.created_at, g.id) < (select created_at, id from segment where app_id = $1 and id = $2))
   order by g.created_at desc, g.id desc limit $3`

/** Throws `device_unknown`. */
export async function readSegmentsOfDevice(
  db: Queryable,
  { app, hwid, at, limit, after }: SegmentsOfDeviceQuery,
): Promise<SegmentsOfDevice> {
  const endsAt = performance.now() + PAGE_MS
  await readDevice(db, { appId: app.id, hwid })
  const { rows } = await db.query<Named>(NAMED, [app.id, after ?? null, limit + 1])
  const asked = rows.slice(0, limit)
  const segments: SegmentOfDevice[] = []
  while (segments.length < asked.length && (segments.length === 0 || performance.now() < endsAt)) {
    const some = asked.slice(segments.length, segments.length + CONDITIONS_A_STATEMENT)
    const key = { app, hwid, at, conditions: some.map(({ id }) => ({ segment: id })) }
    const truths = await askDevice(db, key)
    segments.push(...some.map((segment, i) => ({ ...segment, ...answerOf(truths[i]) })))
  }
  const hasMore = segments.length < rows.length
  return { segments, next: hasMore ? (segments.at(-1)?.id ?? null) : null }
}

/** Throws `device_unknown`, `segment_unknown`. */
export async function readReasons(
  db: Queryable,
  { id, ...key }: DeviceKey & { readonly id: string },
): Promise<SegmentOfDeviceReasons> {
  const device = await readDevice(db, { appId: key.app.id, hwid: key.hwid })
  const segment = await readSegment(db, { app: key.app, id })
  const leaves = leavesOf(segment.condition)
  const [membership, now, ...truths] = await askDevice(db, {
    ...key,
    conditions: [{ segment: id }, segment.condition, ...leaves],
  })
  const { isMember, problem } = answerOf(membership)
  const truthOf = new Map(leaves.map((leaf, i) => [leaf, truths[i] === true]))
  const deciding = typeof now === 'boolean' ? decide(segment.condition, truthOf).leaves : []
  const reasons = deciding.slice(0, REASONS_SHOWN).map((condition): SegmentReason => {
    const expression = printExpression(condition, { app: key.app.code })
    return {
      condition,
      expression,
      isTrue: truthOf.get(condition) === true,
      value: valueHeld(device, condition),
    }
  })
  return {
    ...namedOf(segment),
    isMember,
    problem: problem ?? answerOf(now).problem,
    matchesNow: typeof now === 'boolean' ? now : null,
    reasons,
    hasMore: deciding.length > reasons.length,
  }
}

function namedOf({ id, name, mode, nightly }: SegmentView): Named {
  return { id, name, mode, asOf: nightly?.snapshot?.computedAt ?? null }
}

/** A fault: why the condition can't be asked. */
type Truth = boolean | PushError

function answerOf(truth: Truth | undefined): Pick<SegmentOfDevice, 'isMember' | 'problem'> {
  if (truth instanceof PushError) return { isMember: null, problem: truth.message }
  return { isMember: truth === true, problem: null }
}

interface Question extends DeviceKey {
  readonly conditions: readonly Condition[]
}

/** Of each condition whether it is true of the device; of one that is gone meanwhile none is. */
async function askDevice(db: Queryable, { conditions, ...key }: Question): Promise<Truth[]> {
  const scope = await readScope(db, { appId: key.app.id, condition: { or: [...conditions] }, at: key.at })
  const truths: Truth[] = []
  while (truths.length < conditions.length) {
    const some = conditions.slice(truths.length, truths.length + CONDITIONS_A_STATEMENT)
    truths.push(...(await askAtOnce(db, { ...key, conditions: some }, scope)))
  }
  return truths
}

async function askAtOnce(
  db: Queryable,
  { app, hwid, conditions }: Question,
  scope: ConditionScope,
): Promise<Truth[]> {
  const values: unknown[] = [bucketOf(hwid), app.id, hwid]
  const asked = conditions.map(condition => compiled(condition, scope, values))
  const columns = asked.map((it, i) => (it instanceof PushError ? `false as c${i}` : `(${it}) as c${i}`))
  const { rows } = await db.query<Record<string, boolean>>(
    `select ${columns.join(', ')} from device d where d.bucket = $1 and d.app_id = $2 and d.hwid = $3`,
    values,
  )
  return asked.map((it, i) => (it instanceof PushError ? it : rows[0]?.[`c${i}`] === true))
}

/** SQL; adds its values. */
function compiled(condition: Condition, scope: ConditionScope, values: unknown[]): string | PushError {
  try {
    const { sql, values: own } = compileCondition(condition, { firstParameter: values.length + 1, scope })
    if (values.length + own.length > PARAMETERS_MAX)
      return new PushError('condition_invalid', 'condition: names too much to be asked beside others')
    values.push(...own)
    return sql
  } catch (error) {
    if (error instanceof PushError) return error
    throw error
  }
}

/** What is neither joined nor turned round. */
function leavesOf(condition: Condition): Condition[] {
  if ('and' in condition) return condition.and.flatMap(leavesOf)
  if ('or' in condition) return condition.or.flatMap(leavesOf)
  return 'not' in condition ? leavesOf(condition.not) : [condition]
}

interface Decision {
  readonly isTrue: boolean
  /** Those that make it so. */
  readonly leaves: readonly Condition[]
}

/** One part that is false decides an `and`, one that is true an `or`; else all of them do. */
function decide(condition: Condition, truthOf: ReadonlyMap<Condition, boolean>): Decision {
  if ('not' in condition) {
    const { isTrue, leaves } = decide(condition.not, truthOf)
    return { isTrue: !isTrue, leaves }
  }
  if (!('and' in condition || 'or' in condition))
    return { isTrue: truthOf.get(condition) === true, leaves: [condition] }
  const isAnd = 'and' in condition
  const parts = (isAnd ? condition.and : condition.or).map(part => decide(part, truthOf))
  const deciding = parts.filter(({ isTrue }) => isTrue !== isAnd)
  return {
    isTrue: deciding.length > 0 ? !isAnd : isAnd,
    leaves: (deciding.length > 0 ? deciding : parts).flatMap(({ leaves }) => leaves),
  }
}

function valueHeld(device: DeviceView, condition: Condition): unknown {
  if (!('op' in condition)) return null
  const { tag, field } = condition
  if (tag !== undefined) return device.tags[tag] ?? device.defaultTags[tag] ?? null
  if (field === 'country') return device.record.country ?? null
  if (field === 'isVisitor') return device.userId === null
  const address = device.addresses.find(({ kind }) => kind === 'alert')
  if (field === 'provider') return address?.provider ?? null
  if (field === 'environment') return address?.environment ?? null
  if (field === 'push' || field === 'doubt' || field === undefined) return null
  return device[field]
}
