/**
 * What is going on in some apps, in a few statements for all of them together, however many look on: messages that move, open alerts, the last
 * runs of jobs, credentials, what is under way in the background. Each statement goes by an index and has a limit, so that a look costs the same on
 * any base. docs/console-api.md tells what is in it.
 */
import type {
  CredentialView,
  LiveAlert,
  LiveCredential,
  LiveDevices,
  LiveJob,
  LiveKind,
  LiveMessage,
  LivePicture,
  LiveTrouble,
  LiveWork,
} from '@roost/protocol'
import { listCredentialsOf } from '../../credentials/credentials.ts'
import { JOBS } from '../../jobs/jobs.ts'
import { BUCKETS } from '../../registry/buckets.ts'
import type { Queryable } from '../../store/database.ts'
import { DeviceCounts } from './devices.ts'
import { MessageViews } from './messages.ts'

interface ItemOf<Kind extends LiveKind, Value> {
  readonly kind: Kind
  readonly id: string
  readonly value: Value
  /** The value as JSON: what is compared and sent, made once for all who look on. */
  readonly text: string
}
export type Item =
  | ItemOf<'message', LiveMessage>
  | ItemOf<'alert', LiveAlert>
  | ItemOf<'job', LiveJob>
  | ItemOf<'credential', LiveCredential>
  | ItemOf<'devices', LiveDevices>
  | ItemOf<'work', LiveWork>
  | ItemOf<'trouble', LiveTrouble>

/** Never changed, so that whoever is behind can be told the difference later. By kind and id. */
export type Picture = ReadonlyMap<string, Item>

type Bare = { [Kind in Item['kind']]: Omit<Extract<Item, { readonly kind: Kind }>, 'text'> }[Item['kind']]

export function pictureOf(bare: readonly Bare[]): Picture {
  return new Map(
    bare.map(it => [`${it.kind} ${it.id}`, { ...it, text: JSON.stringify(it.value) } as Item] as const),
  )
}

export interface Look {
  readonly appIds: readonly number[]
  /** ms. */
  readonly at: number
}

/** Looks at the apps that somebody looks on; remembers between two looks what needs not be read again. */
export class Pictures {
  readonly #db: Queryable
  readonly #messages = new MessageViews()
  readonly #devices = new DeviceCounts()

  constructor(db: Queryable) {
    this.#db = db
  }

  /** One after the other on one connection: what is sent has the others. */
  async read({ appIds, at }: Look): Promise<ReadonlyMap<number, Picture>> {
    const db = this.#db
    const messages = await this.#messages.read(db, appIds)
    const alerts = await readAlerts(db, appIds)
    const jobs = await readJobs(db)
    const credentials = await listCredentialsOf(db, appIds, at)
    const works = await readWorks(db, appIds, at)
    const devices = await this.#devices.read(db, appIds)
    return new Map(
      appIds.map(appId => {
        const mine = <T>(all: readonly OfApp<T>[]): readonly T[] =>
          all.filter(it => it.appId === appId).map(it => it.value)
        const counted = devices.get(appId)
        return [
          appId,
          pictureOf([
            ...mine(messages).map(value => ({ kind: 'message' as const, id: value.id, value })),
            ...mine(alerts).map(value => ({ kind: 'alert' as const, id: value.id, value })),
            ...jobs.map(value => ({ kind: 'job' as const, id: value.name, value })),
            ...(credentials.get(appId) ?? []).map(it => ({
              kind: 'credential' as const,
              id: it.id,
              value: shownOf(it),
            })),
            ...mine(works).map(value => ({ kind: 'work' as const, id: value.id, value })),
            ...(counted === undefined ? [] : [{ kind: 'devices' as const, id: '', value: counted }]),
          ]),
        ]
      }),
    )
  }
}

export interface OfApp<T> {
  readonly appId: number
  readonly value: T
}

function shownOf(view: CredentialView): LiveCredential {
  const { id, gateway, kind, status, problems, version, expiresAt, checkedAt } = view
  return { id, gateway, kind, status, problems: problems.map(it => it.code), version, expiresAt, checkedAt }
}

const ALERTS_MAX = 100

/** Uses the index alert_open. */
const ALERTS = `
  select a.id as "appId", l.value
    from unnest($1::integer[]) as a (id)
    cross join lateral (
      select jsonb_build_object('id', id, 'kind', kind, 'openedAt', opened_at) as value from alert
       where app_id = a.id and state = 'open' order by opened_at desc, id desc limit ${ALERTS_MAX}) l`

async function readAlerts(db: Queryable, appIds: readonly number[]): Promise<OfApp<LiveAlert>[]> {
  const { rows } = await db.query<OfApp<LiveAlert>>(ALERTS, [appIds])
  return rows.map(({ appId, value }) => ({
    appId,
    value: { ...value, openedAt: new Date(value.openedAt).toISOString() },
  }))
}

/** Uses the index job_run_newest, once for each job. */
const LAST_RUNS = `
  select r.name, r.started_at as "startedAt", r.finished_at as "finishedAt", r.outcome
    from unnest($1::text[]) as j (name)
    cross join lateral (
      select name, started_at, finished_at, outcome from job_run
       where name = j.name and app_id is null order by started_at desc limit 1) r`

async function readJobs(db: Queryable): Promise<LiveJob[]> {
  return (await db.query<LiveJob>(LAST_RUNS, [Object.keys(JOBS)])).rows
}

/** Of each kind. */
const WORKS_MAX = 100
/** Parts of an import come one after the other; one that nobody goes on with is under way no more. */
const IMPORT_RESTS_MS = 10 * 60_000

const WORKS = `
  (select app_id as "appId", id, 'import' as work, started_at as "startedAt", null::float8 as progress, row_count as done
     from device_import where app_id = any($1::integer[]) and state = 'open' and updated_at > $2 limit ${WORKS_MAX})
  union all
  (select app_id, id, 'export', created_at, buckets_done / ${BUCKETS}.0::float8, devices::bigint
     from segment_export where app_id = any($1::integer[]) and state in ('waiting', 'running') limit ${WORKS_MAX})
  union all
  (select app_id, segment_id, 'segment', started_at, buckets_done / ${BUCKETS}.0::float8, members::bigint
     from segment_snapshot where app_id = any($1::integer[]) and state = 'computing' limit ${WORKS_MAX})
  union all
  (select app_id, id, 'bulk', created_at, null, 0::bigint
     from bulk_request where app_id = any($1::integer[]) and state = 'waiting' limit ${WORKS_MAX})
  union all
  (select app_id, id, 'undo', created_at, least(1, matched::float8 / greatest(total, 1)), restored::bigint
     from removal_undo where app_id = any($1::integer[]) and state = 'running' limit ${WORKS_MAX})`

async function readWorks(db: Queryable, appIds: readonly number[], at: number): Promise<OfApp<LiveWork>[]> {
  const { rows } = await db.query<LiveWork & { readonly appId: number }>(WORKS, [
    appIds,
    new Date(at - IMPORT_RESTS_MS),
  ])
  return rows.map(({ appId, ...value }) => ({ appId, value }))
}

/** For the first event. */
export function wholeOf(picture: Picture): LivePicture {
  const items = [...picture.values()]
  const all = <Kind extends LiveKind>(kind: Kind) =>
    items.filter((it): it is Extract<Item, { readonly kind: Kind }> => it.kind === kind).map(it => it.value)
  return {
    messages: all('message') as LiveMessage[],
    alerts: all('alert') as LiveAlert[],
    jobs: all('job') as LiveJob[],
    credentials: all('credential') as LiveCredential[],
    devices: (all('devices')[0] as LiveDevices | undefined) ?? null,
    works: all('work') as LiveWork[],
    trouble: (all('trouble')[0] as LiveTrouble | undefined) ?? null,
  }
}
