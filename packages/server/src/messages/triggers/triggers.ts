/**
 * Triggers: made, read, changed, paused, deleted. A change is a new version: what is due from then on is of it, what was due
 * before stays as it was. occasions.ts has what events start, rounds.ts what is sent.
 *
 *   active ──pause──▶ paused: events start nothing, what waits goes on waiting, and so does what is being sent
 *      └──delete──▶ deleted: what waits is dropped, what is being sent is cancelled; its messages stay to be read
 */
import {
  type NewTrigger,
  PushError,
  type TriggerPatch,
  type TriggerView,
  UNSENT_REASONS,
} from '@roost/protocol'
import { v7 as uuidv7 } from 'uuid'
import type { Database, Queryable } from '../../store/database.ts'
import { findFault } from '../create.ts'
import { inMessage } from '../faults.ts'
import { type ImageVerdict, warningsOf } from '../images.ts'
import { nameOnce } from '../names.ts'
import { dropOfDeleted, ROUND_COUNTS } from './cleaning.ts'
import { experimentOf, type NamedNumber, VARIANTS_OF_TRIGGER } from './experiment.ts'

export interface TriggerKey {
  readonly appId: number
  readonly id: string
}

interface Checked {
  readonly appId: number
  readonly at: number
  /** Of its content. */
  readonly images?: ImageVerdict | undefined
}

/** Throws `trigger_name_taken`, `condition_invalid`, `input_invalid`, `message_too_large`, `image_refused`. */
export async function createTrigger(
  db: Database,
  { input, ...of }: Checked & { readonly input: NewTrigger },
): Promise<string> {
  await check(db, { input, ...of })
  const { name, ...definition } = input
  const id = uuidv7()
  const values = [
    id,
    of.appId,
    name,
    JSON.stringify(definition),
    listensTo(input),
    warningsOf(of.images),
    new Date(of.at),
  ]
  await nameOnce(db, { kind: 'trigger', appId: of.appId, name }, () => db.query(INSERT, values))
  return id
}

const INSERT = `
  insert into trigger (id, app_id, name, definition, listens_to, warnings, created_at, updated_at)
  values ($1, $2, $3, $4, $5, $6, $7, $7)`

function listensTo({ event, cancelledBy = [] }: Pick<NewTrigger, 'event' | 'cancelledBy'>): string[] {
  return [...new Set([event, ...cancelledBy])]
}

/** As a message would be that is made of it now. */
async function check(
  db: Queryable,
  { appId, input, at, images }: Checked & { readonly input: NewTrigger },
): Promise<void> {
  const { condition, event, cancelledBy } = input
  if (cancelledBy?.includes(event) === true)
    throw new PushError('input_invalid', `body/cancelledBy: "${event}" is the event that starts it`)
  if (input.restartsDelay === true && (input.delaySeconds ?? 0) === 0)
    throw new PushError('input_invalid', 'body/restartsDelay: there is no delay; give it delaySeconds')
  if (input.message.experiment?.winner !== undefined)
    throw new PushError(
      'input_invalid',
      'body/message/experiment/winner: a trigger sends day by day and has no rest; give the variants 100 percent together',
    )
  const message = { ...input.message, to: condition === undefined ? ALL : { condition } }
  const fault = await findFault(db, { id: uuidv7(), appId, input: message, at, images, hasEvent: true })
  if (fault !== undefined) throw inMessage(fault)
}

const ALL = { all: true } as const

/** Throws `trigger_unknown` and what `createTrigger` throws. `images` are those of a new content. */
export async function changeTrigger(
  db: Database,
  {
    unchanged,
    ...of
  }: Checked &
    TriggerKey & {
      readonly patch: TriggerPatch
      /** Asked first: throws when somebody else has changed it. */
      readonly unchanged?: ((tx: Queryable) => Promise<void>) | undefined
    },
): Promise<void> {
  const { appId, patch } = of
  const changeIt = () =>
    db.transaction(async tx => {
      await unchanged?.(tx)
      await change(tx, of)
    })
  await nameOnce(db, { kind: 'trigger', appId, name: patch.name }, changeIt)
}

async function change(
  tx: Queryable,
  of: Checked & TriggerKey & { readonly patch: TriggerPatch },
): Promise<void> {
  const { appId, id, at, images, patch } = of
  const before = await hold(tx, of)
  const after = patched(before, patch)
  await check(tx, { input: after, appId, at, images })
  const { name, ...definition } = after
  const isNewMessage = patch.message !== undefined
  await tx.query(
    `update trigger
          set name = $2, definition = $3, listens_to = $4, version = version + 1, updated_at = $5,
              warnings = case when $6 then $7::jsonb else warnings end, last_fault = null, retry_at = null
        where id = $1`,
    [id, name, JSON.stringify(definition), listensTo(after), new Date(at), isNewMessage, warningsOf(images)],
  )
  await tx.query('update trigger_round set is_open = false where trigger_id = $1 and is_open', [id])
}

/** Null takes away. */
function patched(before: NewTrigger, patch: TriggerPatch): NewTrigger {
  const all = { ...before, ...patch }
  return Object.fromEntries(
    Object.entries(all).filter(([, value]) => value !== null && value !== undefined),
  ) as unknown as NewTrigger
}

/** Until the end of the transaction nobody sends of it. Throws `trigger_unknown`. */
async function hold(tx: Queryable, { appId, id }: TriggerKey): Promise<NewTrigger> {
  const { rows } = await tx.query<{ name: string; definition: Omit<NewTrigger, 'name'> }>(
    "select name, definition from trigger where app_id = $1 and id = $2 and state <> 'deleted' for no key update",
    [appId, id],
  )
  const found = rows[0]
  if (found === undefined) throw unknown(id)
  return { name: found.name, ...found.definition }
}

function unknown(id: string): PushError {
  return new PushError('trigger_unknown', `this app has no trigger ${id}`)
}

/** One that is paused stays so. Throws `trigger_unknown`. */
export async function pauseTrigger(db: Database, key: TriggerKey): Promise<void> {
  await setState(db, key, { state: 'paused', ofMessages: ['sending', 'paused'] })
}

/** One that is active goes on as it does. Throws `trigger_unknown`. */
export async function resumeTrigger(db: Database, key: TriggerKey): Promise<void> {
  await setState(db, key, { state: 'active', ofMessages: ['paused', 'sending'] })
}

/** Throws `trigger_unknown`. */
export async function deleteTrigger(db: Database, key: TriggerKey): Promise<void> {
  await setState(db, key, { state: 'deleted', ofMessages: ['sending', 'cancelled'] })
  await dropOfDeleted(db)
}

interface Change {
  readonly state: TriggerView['state'] | 'deleted'
  /** What its messages were, and are now. */
  readonly ofMessages: readonly [before: string, after: string]
}

async function setState(db: Database, key: TriggerKey, { state, ofMessages }: Change): Promise<void> {
  const [before, after] = ofMessages
  await db.transaction(async tx => {
    await hold(tx, key)
    await tx.query('update trigger set state = $2, retry_at = null where id = $1', [key.id, state])
    await tx.query(
      `update message m set state = $3
         from trigger_round r where r.trigger_id = $1 and m.id = r.message_id
          and (m.state = $2 or $3 = 'cancelled' and m.state = 'paused')`,
      [key.id, before, after],
    )
    if (state === 'deleted')
      await tx.query('update trigger_round set is_open = false where trigger_id = $1 and is_open', [key.id])
    tx.announce('control')
  })
}

const SELECT = `
  select t.id, t.name, t.state, t.version, t.definition, coalesce(t.warnings, '[]') as warnings,
         t.last_fault as "lastFault",
         t.created_at as "createdAt", t.updated_at as "updatedAt",
         (select count(*)::integer from trigger_occasion o where o.trigger_id = t.id and not o.is_cancelled) as waiting,
         (select coalesce(jsonb_object_agg(y.reason, y.count), '{}')
            from (select reason, sum(count) as count from trigger_tally where trigger_id = t.id group by reason) y) as unsent,
         b.counts, case when t.definition -> 'message' ? 'experiment' then coalesce(x.variants, '[]') end as variants,
         coalesce(m.delivered, 0) as delivered, coalesce(m.opened, 0) as opened
    from trigger t
    left join lateral (
      select jsonb_build_object(${ROUND_COUNTS.map(it => `'${it}', coalesce(sum(c.${it}), 0)`).join(', ')}) as counts
        from (select ${ROUND_COUNTS.map(it => `(r.counts ->> '${it}')::bigint as ${it}`).join(', ')}
                from trigger_round r where r.trigger_id = t.id and r.counts is not null
              union all
              select ${ROUND_COUNTS.map(it => `b.${it}`).join(', ')}
                from trigger_round r join batch b on b.message_id = r.message_id
               where r.trigger_id = t.id and r.counts is null) c) b on true
    left join lateral (
      select sum(m.delivered)::integer as delivered, sum(m.opened)::integer as opened
        from trigger_round r join message m on m.id = r.message_id where r.trigger_id = t.id) m on true
    left join lateral (${VARIANTS_OF_TRIGGER}) x on t.definition -> 'message' ? 'experiment'
   where t.app_id = $1 and t.state <> 'deleted'`

interface StoredTrigger {
  readonly id: string
  readonly name: string
  readonly state: TriggerView['state']
  readonly version: number
  readonly definition: Omit<NewTrigger, 'name'>
  readonly warnings: string[]
  readonly lastFault: string | null
  readonly createdAt: string
  readonly updatedAt: string
  readonly waiting: number
  readonly unsent: Readonly<Partial<TriggerView['counts']['unsent']>>
  readonly counts: Readonly<Record<(typeof ROUND_COUNTS)[number], number>>
  /** Null when it has none now. */
  readonly variants: readonly NamedNumber[] | null
  readonly delivered: number
  readonly opened: number
}

function viewOf(stored: StoredTrigger): TriggerView {
  const { definition, waiting, unsent, delivered, opened } = stored
  const { dead_held: deadHeld, repeated: possibleDuplicates, ...counts } = stored.counts
  const { targeted, accepted, dead, failed, skipped, uncertain } = counts
  return {
    id: stored.id,
    name: stored.name,
    state: stored.state,
    version: stored.version,
    event: definition.event,
    where: definition.where ?? null,
    delaySeconds: definition.delaySeconds ?? 0,
    restartsDelay: definition.restartsDelay ?? false,
    to: definition.to ?? 'device',
    condition: definition.condition ?? null,
    oncePerDays: definition.oncePerDays ?? null,
    cancelledBy: definition.cancelledBy ?? [],
    message: definition.message,
    warnings: stored.warnings,
    lastFault: stored.lastFault,
    createdAt: stored.createdAt,
    updatedAt: stored.updatedAt,
    counts: {
      ...counts,
      deadHeld,
      possibleDuplicates,
      pending: targeted - accepted - dead - failed - skipped - uncertain,
      delivered,
      opened,
      waiting,
      unsent: Object.fromEntries(
        UNSENT_REASONS.map(it => [it, unsent[it] ?? 0]),
      ) as TriggerView['counts']['unsent'],
    },
    experiment: experimentOf(definition.message.experiment, stored.variants),
  }
}

/** Throws `trigger_unknown`. */
export async function readTrigger(db: Queryable, { appId, id }: TriggerKey): Promise<TriggerView> {
  const { rows } = await db.query<StoredTrigger>(`${SELECT} and t.id = $2`, [appId, id])
  if (rows[0] === undefined) throw unknown(id)
  return viewOf(rows[0])
}

/** Newest first. */
export async function listTriggers(db: Queryable, appId: number): Promise<TriggerView[]> {
  const { rows } = await db.query<StoredTrigger>(`${SELECT} order by t.created_at desc, t.id desc`, [appId])
  return rows.map(viewOf)
}
