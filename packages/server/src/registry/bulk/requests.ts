/**
 * Bulk calls: stored whole and answered with an id at once, worked on by a background job, one result for each entry.
 * A request whose process died is taken up again as a whole; all that it asks for may be done twice. When it is done its
 * entries are dropped: the results name nobody, they stand in the order of the entries.
 */
import {
  type BulkRequestView,
  type BulkResult,
  type BulkTarget,
  bulkTargetSchema,
  compatRegisterSchema,
  PushError,
  wordOf,
} from '@roost/protocol'
import { v7 as uuidv7 } from 'uuid'
import type { App } from '../../access/apps.ts'
import { type Database, isDataFault, type Queryable } from '../../store/database.ts'
import { platformOf } from '../address.ts'
import { bucketOf } from '../buckets.ts'
import { Registrations } from '../register/register.ts'
import { registerDevice } from '../register/registration.ts'
import { toldOf } from '../register/update.ts'
import { readTags } from '../tags/tags.ts'
import { findTargets } from './find.ts'
import { type Faulty, isFaulty } from './target.ts'
import { unregisterDevices } from './unregister.ts'

export type BulkKind = 'register' | 'tags' | 'unregister'
export type ListOperator = 'set' | 'append' | 'remove'

export interface TagsEntry {
  readonly target: BulkTarget
  readonly tags: Readonly<Record<string, unknown>>
  /** For values that are lists. */
  readonly listOperator: ListOperator
}

export interface RegisterEntry {
  /** In the words of `registerDevice`; checked when it is worked on, so that one that is wrong costs the others nothing. */
  readonly call: Readonly<Record<string, unknown>>
  readonly listOperator: ListOperator
}

export type NewBulkRequest = { readonly appId: number; readonly at: number; readonly id?: string } & (
  | { readonly kind: 'register'; readonly entries: readonly (RegisterEntry | Faulty)[] }
  | { readonly kind: 'tags'; readonly entries: readonly (TagsEntry | Faulty)[] }
  | { readonly kind: 'unregister'; readonly entries: readonly (BulkTarget | Faulty)[] }
)

/**
 * Returns its id. One with an `id` that is there already is that one: nothing is added. The caller has the job `bulk-requests` run soon.
 * Throws `idempotency_key_reused` for the id of another request.
 */
export async function addBulkRequest(db: Queryable, request: NewBulkRequest): Promise<string> {
  const { id = uuidv7() } = request
  const { rowCount } = await db.query(
    `insert into bulk_request (id, app_id, kind, settings, entries, created_at) values ($1, $2, $3, $4, $5, $6)
     on conflict (id) do nothing`,
    [
      id,
      request.appId,
      request.kind,
      JSON.stringify({ entries: request.entries.length }),
      JSON.stringify(request.entries),
      new Date(request.at),
    ],
  )
  if (rowCount === 0) await requireSame(db, id, request)
  return id
}

/** Of what was asked for only the number is kept when it is done. */
async function requireSame(
  db: Queryable,
  id: string,
  { appId, kind, entries }: NewBulkRequest,
): Promise<void> {
  const { rows } = await db.query(
    `select from bulk_request
      where id = $1 and app_id = $2 and kind = $3 and (settings ->> 'entries')::integer = $4`,
    [id, appId, kind, entries.length],
  )
  if (rows.length === 0) throw new PushError('idempotency_key_reused', `id: the request ${id} is another one`)
}

interface StoredRequest {
  readonly id: string
  readonly kind: BulkKind
  readonly state: 'waiting' | 'done'
  readonly entries: number
  readonly results: BulkResult[] | null
  readonly createdAt: string
  readonly finishedAt: string | null
}

/** Throws `bulk_request_unknown`. */
export async function readBulkRequest(
  db: Queryable,
  key: { readonly appId: number; readonly id: string; readonly isDetailed: boolean },
): Promise<BulkRequestView> {
  const { rows } = await db.query<StoredRequest>(
    `select id, kind, state, (settings ->> 'entries')::integer as entries, results, created_at as "createdAt",
            finished_at as "finishedAt"
       from bulk_request where app_id = $1 and id = $2`,
    [key.appId, key.id],
  )
  const [found] = rows
  if (found === undefined)
    throw new PushError('bulk_request_unknown', `this app has no bulk request ${key.id}`)
  const { results, ...request } = found
  return {
    ...request,
    counts: results === null ? null : countsOf(results),
    results: key.isDetailed ? results : null,
  }
}

function countsOf(results: readonly BulkResult[]): NonNullable<BulkRequestView['counts']> {
  const count = (outcome: BulkResult['outcome']) => results.filter(it => it.outcome === outcome).length
  return { done: count('done'), unknown: count('unknown'), refused: count('refused') }
}

export interface BulkContext {
  readonly db: Database
  readonly allowPrivateEndpoints: boolean
}

/**
 * Works on all requests that wait, oldest first. Any number of processes may do so at once. Returns how many. One that fails
 * is left for the next run and holds up none behind it; the first failure is thrown when all were tried.
 */
export async function runBulkRequests(context: BulkContext, at: number): Promise<number> {
  const failed: string[] = []
  const failures: unknown[] = []
  for (let count = 0; ; ) {
    const next = await runNext(context, { at, except: failed })
    if (next === undefined) {
      if (failures.length > 0) throw failures[0]
      return count
    }
    if ('failure' in next) {
      failed.push(next.id)
      failures.push(next.failure)
    } else count++
  }
}

interface Work {
  readonly id: string
  readonly app: App
  readonly kind: BulkKind
  readonly entries: readonly never[]
  /** When it was asked for, ms. */
  readonly askedAt: number
}

interface Next {
  readonly at: number
  /** Ids that failed in this run. */
  readonly except: readonly string[]
}

/** The row stays locked while its entries are worked on; registrations use connections of their own. */
async function runNext(
  context: BulkContext,
  { at, except }: Next,
): Promise<{ readonly id: string } | { readonly id: string; readonly failure: unknown } | undefined> {
  let id: string | undefined
  try {
    return await context.db.transaction(async tx => {
      const work = await takeNext(tx, except)
      id = work?.id
      return work === undefined
        ? undefined
        : await finish(tx, work, { at, results: await runOne(context, work) })
    })
  } catch (failure) {
    if (id === undefined) throw failure // the database is away
    return { id, failure }
  }
}

async function takeNext(tx: Queryable, except: readonly string[]): Promise<Work | undefined> {
  const { rows } = await tx.query<Omit<Work, 'askedAt'> & { createdAt: string }>(
    `select r.id, r.kind, r.entries, r.created_at as "createdAt",
              jsonb_build_object('id', a.id, 'code', a.code, 'name', a.name, 'createdAt', a.created_at) as app
         from bulk_request r join app a on a.id = r.app_id
        where r.state = 'waiting' and r.id <> all($1::uuid[])
        order by r.created_at, r.id limit 1 for update of r skip locked`,
    [except],
  )
  const [work] = rows
  return work === undefined ? undefined : { ...work, askedAt: Date.parse(work.createdAt) }
}

async function finish(
  tx: Queryable,
  { id }: Work,
  { at, results }: { readonly at: number; readonly results: readonly BulkResult[] },
): Promise<{ readonly id: string }> {
  await tx.query(
    "update bulk_request set state = 'done', entries = '[]', results = $2, finished_at = $3 where id = $1",
    [id, JSON.stringify(results), new Date(at)],
  )
  return { id }
}

/** What was found to be wrong when it came in is only told. */
async function runOne(context: BulkContext, work: Work): Promise<BulkResult[]> {
  const entries: readonly object[] = work.entries
  const isRight = (entry: object) => !isFaulty(entry)
  const results = await runRight(context, { ...work, entries: entries.filter(isRight) as never[] })
  const next = results.values()
  return entries.map(entry =>
    isFaulty(entry)
      ? { outcome: 'refused', detail: `input_invalid: ${entry.fault}` }
      : (next.next().value as BulkResult),
  )
}

function runRight(context: BulkContext, work: Work): Promise<BulkResult[]> {
  switch (work.kind) {
    case 'register':
      return registerAll(context, work)
    case 'tags':
      return setAllTags(context, work)
    case 'unregister':
      return unregisterAll(context, work)
  }
}

/** Each web address asks for its key, and live calls wait for the same connections. */
const ENTRIES_AT_ONCE = 500

async function registerAll(context: BulkContext, work: Work): Promise<BulkResult[]> {
  const registrations = new Registrations(context.db)
  const results: BulkResult[] = []
  const entries = work.entries as readonly RegisterEntry[]
  for (let from = 0; from < entries.length; from += ENTRIES_AT_ONCE) {
    const slice = entries.slice(from, from + ENTRIES_AT_ONCE)
    results.push(...(await registerSome({ ...context, registrations }, work, slice)))
  }
  return results
}

async function registerSome(
  context: BulkContext & { readonly registrations: Registrations },
  { app, askedAt: at }: Work,
  entries: readonly RegisterEntry[],
): Promise<BulkResult[]> {
  const overtaken = await findOvertaken(context.db, { appId: app.id, calls: entries.map(it => it.call), at })
  const registering = entries.map((entry, i) =>
    resultOf(async () => {
      const parsed = compatRegisterSchema.safeParse(
        { ...entry.call, application: app.code },
        { error: wordOf },
      )
      if (!parsed.success)
        throw new PushError(
          'input_invalid',
          parsed.error.issues.map(it => `${it.path.join('.')}: ${it.message}`).join('; '),
        )
      const call = parsed.data
      if (overtaken.has(i)) return { outcome: 'refused', detail: OVERTAKEN }
      const { skipped } = await registerDevice(context, {
        app,
        update: {
          ...toldOf({ appId: app.id, hwid: call.hwid, at }),
          platform: platformOf(call.device_type),
          userId:
            call.userId === undefined || call.userId === '' || call.userId === call.hwid ? null : call.userId,
          language: call.language ?? null,
          timezoneSeconds: call.timezone ?? null,
          appVersion: call.app_version ?? null,
          osVersion: call.os_version ?? null,
          deviceModel: call.device_model ?? null,
        },
        tokens: call,
        tags: withOperator(call.tags ?? {}, entry.listOperator),
      })
      return done(skipped)
    }),
  )
  return Promise.all(registering)
}

const OVERTAKEN =
  'the device, or the holder of the token, has called in since this was asked for, or got another token or user; that stays'

const CHANGED_SINCE = `
  select d.hwid from device d
    join unnest($2::smallint[], $3::text[]) as i (bucket, hwid) on d.bucket = i.bucket and d.hwid = i.hwid
   where d.app_id = $1
     and (d.last_seen_at > $4 or d.user_told_at > $4
          or exists (select from address a
                      where a.bucket = d.bucket and a.app_id = d.app_id and a.hwid = d.hwid
                        and a.last_registered_at > $4))`

/**
 * R5: what a request asks for is as old as the request, however late it is worked on. The places of entries that would undo
 * what a device, or a back end of it, has said since: its token, its user, or that a token is its own. Tags are none of it.
 */
async function findOvertaken(
  db: Queryable,
  asked: { readonly appId: number; readonly calls: readonly RegisterEntry['call'][]; readonly at: number },
): Promise<ReadonlySet<number>> {
  const targets = asked.calls.flatMap((call, place) =>
    [{ hwid: call.hwid }, { pushToken: call.push_token }].flatMap(it => {
      const target = bulkTargetSchema.safeParse(it)
      return target.success ? [{ place, target: target.data }] : []
    }),
  )
  const found = await findTargets(
    db,
    asked.appId,
    targets.map(it => it.target),
  )
  const hwids = [...new Set(found.flat().map(it => it.hwid))]
  const { rows } = await db.query<{ hwid: string }>(CHANGED_SINCE, [
    asked.appId,
    hwids.map(bucketOf),
    hwids,
    new Date(asked.at),
  ])
  const since = new Set(rows.map(it => it.hwid))
  return new Set(
    targets.flatMap(({ place }, i) => (found[i]?.some(it => since.has(it.hwid)) === true ? [place] : [])),
  )
}

async function setAllTags(context: BulkContext, { app, entries, askedAt: at }: Work): Promise<BulkResult[]> {
  const registrations = new Registrations(context.db)
  const wanted = entries as readonly TagsEntry[]
  const found = await findTargets(
    context.db,
    app.id,
    wanted.map(it => it.target),
  )
  const setting = wanted.map(async (entry, i): Promise<BulkResult> => {
    const hwids = [...new Set(found[i]?.map(it => it.hwid))]
    if (hwids.length === 0) return { outcome: 'unknown' }
    return resultOf(async () => {
      const { tags, operations, skipped } = readTags(withOperator(entry.tags, entry.listOperator))
      const results = await Promise.all(
        hwids.map(hwid =>
          registrations.apply({ ...toldOf({ appId: app.id, hwid, at }), tags, tagOperations: operations }),
        ),
      )
      return done([...skipped, ...results.flatMap(it => it.skipped)])
    })
  })
  return Promise.all(setting)
}

const REGISTERED_SINCE =
  'what was registered after this was asked for stays; what was registered before has ended'

async function unregisterAll(
  { db }: BulkContext,
  { app, entries, askedAt: at }: Work,
): Promise<BulkResult[]> {
  return db.transaction(async tx => {
    const found = await findTargets(tx, app.id, entries as readonly BulkTarget[])
    const kept = await unregisterDevices(tx, { appId: app.id, devices: found.flat(), at })
    return found.map((devices): BulkResult => {
      if (devices.some(it => kept.has(it.hwid))) return { outcome: 'refused', detail: REGISTERED_SINCE }
      return { outcome: devices.length === 0 ? 'unknown' : 'done' }
    })
  })
}

/** Lists go by the operator; other values are set whatever it says. */
function withOperator(
  tags: Readonly<Record<string, unknown>>,
  operator: ListOperator,
): Readonly<Record<string, unknown>> {
  if (operator === 'set') return tags
  const changed = Object.entries(tags).map(([name, value]) =>
    Array.isArray(value) ? [name, { operation: operator, value: value as unknown[] }] : [name, value],
  )
  return Object.fromEntries(changed) as Record<string, unknown>
}

function done(skipped: readonly { readonly tag: string; readonly reason: string }[]): BulkResult {
  if (skipped.length === 0) return { outcome: 'done' }
  return {
    outcome: 'done',
    detail: `left out: ${skipped.map(it => `${it.tag} (${it.reason})`).join(', ')}`.slice(0, 500),
  }
}

/** An entry that is wrong is a result; a database that is away fails the whole, which is tried again. */
async function resultOf(work: () => Promise<BulkResult>): Promise<BulkResult> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof PushError)
      return { outcome: 'refused', detail: `${error.code}: ${error.message}`.slice(0, 500) }
    if (isDataFault(error))
      return { outcome: 'refused', detail: 'input_invalid: the database refuses a value' }
    throw error
  }
}

const KEEP_MS = 30 * 24 * 60 * 60_000

/** Returns how many. */
export async function dropOldBulkRequests(db: Queryable, at: number): Promise<number> {
  const { rowCount } = await db.query("delete from bulk_request where state = 'done' and finished_at < $1", [
    new Date(at - KEEP_MS),
  ])
  return rowCount
}
