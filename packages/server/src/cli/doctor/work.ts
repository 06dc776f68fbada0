/** The work: what should be sent and is not, jobs that did not run, alerts that nobody has looked at, webhooks that fail. */
import type { AlertView } from '@roost/protocol'
import type { App } from '../../access/apps.ts'
import { isClosedByPeople, listAlerts } from '../../hygiene/alerts.ts'
import { JOBS } from '../../jobs/jobs.ts'
import { lastRuns } from '../../jobs/runs.ts'
import type { Database, Queryable } from '../../store/database.ts'
import { durationOf, type Finding, looking, ok, warning, wrong } from './finding.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
/** What is due is taken within a second; a lease that nobody renews lasts 15. */
const LATE_MS = MINUTE_MS
/** After so many times that were missed it is no restart any more. */
const MINUTE_JOB_LATE_MS = 5 * MINUTE_MS
const DAILY_JOB_LATE_MS = 26 * HOUR_MS
/** Longer than the first two pauses of a delivery that failed. */
const EVENT_LATE_MS = 10 * MINUTE_MS

export interface Looking {
  readonly apps: readonly App[]
  /** ms. */
  readonly at: number
}

export async function lookAtWork(db: Database, { apps, at }: Looking): Promise<Finding[]> {
  const looks = [
    looking('messages', () => messageFindings(db, at)),
    looking('held messages', () => heldFindings(db)),
    looking('jobs', () => jobFindings(db, at)),
    looking('alerts', () => alertFindings(db, apps)),
    looking('webhooks', () => webhookFindings(db, at)),
  ]
  return (await Promise.all(looks)).flat()
}

// ── sending ───────────────────────────────────────────────────────────────────────────────────────────────────────────

interface Queue {
  readonly unplanned: number
  readonly plannedSince: string | null
  readonly waiting: number
  readonly waitingSince: string | null
  readonly leased: number
}

/** Recalls, and what keeps to a pace, wait for something else than a worker. */
const QUEUE = `
  select u.count as unplanned, u.since as "plannedSince", w.count as waiting, w.since as "waitingSince",
         (select count(*) from batch where state = 'sending' and lease_until > clock_timestamp()) as leased
    from (select count(*) as count, min(send_at) as since from message
           where state = 'scheduled' and send_at <= $1 and recall_of is null) u
   cross join (select count(*) as count, min(b.due_at) as since
                 from batch b join message m on m.id = b.message_id
                where b.state in ('waiting', 'sending') and b.due_at <= $1 and m.state = 'sending'
                  and (b.lease_until is null or b.lease_until < clock_timestamp())
                  and b.paced_by is null and b.after_batch is null) w`

async function messageFindings(db: Queryable, at: number): Promise<Finding[]> {
  const { rows } = await db.query<Queue>(QUEUE, [new Date(at)])
  return rows.map(row => judgeQueue(row, at))
}

function judgeQueue({ unplanned, plannedSince, waiting, waitingSince, leased }: Queue, at: number): Finding {
  const subject = 'messages'
  const oldest = Math.min(
    ...[plannedSince, waitingSince].flatMap(it => (it === null ? [] : [Date.parse(it)])),
  )
  if (unplanned + waiting === 0)
    return ok(subject, leased === 0 ? 'none is to be sent' : `${leased} batches are being sent`)
  const lateMs = at - oldest
  if (lateMs < LATE_MS || leased > 0)
    return ok(subject, `${waiting} batches wait for their turn, ${leased} are being sent`)
  return wrong(
    subject,
    `${unplanned > 0 ? `${unplanned} messages` : `${waiting} batches of messages`} are due for ${durationOf(lateMs)}, and nobody sends`,
    'Start a server with the role "send" (roost serve has all roles), and see the database above.',
  )
}

const HELD = `
  select p.code as app, b.provider as gateway, b.held_reason = 'internal_error' as "isOurs",
         case when b.held_reason = 'internal_error' then b.held_reason
              else coalesce(h.reason, b.held_reason, 'paused') end as reason,
         count(distinct b.message_id) as messages, min(b.message_id::text) as message
    from batch b join app p on p.id = b.app_id join message m on m.id = b.message_id and m.state in ('sending', 'paused')
    left join batch_hold h on h.batch_id = b.id
   where b.state = 'held' or (b.state <> 'done' and h.id is not null)
   group by 1, 2, 3, 4 order by 1, 2, 4`

interface Held {
  readonly app: string
  readonly gateway: string
  readonly isOurs: boolean | null
  readonly reason: string
  readonly messages: number
  /** One of them. */
  readonly message: string
}

async function heldFindings(db: Queryable): Promise<Finding[]> {
  const { rows } = await db.query<Held>(HELD)
  return rows.map(({ app, gateway, isOurs, reason, messages, message }) =>
    wrong(
      'held messages',
      `${messages} of ${app} wait at ${gateway}: ${reason} (${message})`,
      isOurs === true
        ? 'A fault of Roost itself, or of the database: the log of the server that sends says which. They go on with its next start.'
        : 'See the credentials above: they go on when the credential is mended or replaced.',
    ),
  )
}

// ── jobs ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

interface Timetable {
  readonly name: string
  /** ISO 8601: its last time, or when it was entered. */
  readonly at: string
}

const TIMETABLE = `
  select identifier as name, coalesce(last_execution, known_since) as at from graphile_worker._private_known_crontabs`

async function jobFindings(db: Database, at: number): Promise<Finding[]> {
  const subject = 'jobs'
  const { rows: has } = await db.query<{ has: boolean }>(
    "select to_regclass('graphile_worker._private_known_crontabs') is not null as has",
  )
  // Its schema comes first: of a start that was killed in between there is a table without entries.
  const rows = has[0]?.has === true ? (await db.query<Timetable>(TIMETABLE)).rows : []
  if (rows.length === 0)
    return [
      warning(subject, 'no server has run any on this database', 'Start a server with the role "jobs".'),
    ]
  const late = rows.filter(row => isLate(row, at)).map(it => it.name)
  const findings = late.length === 0 ? [] : [lateFinding(rows, late, at)]
  const all = [...findings, ...(await failedFindings(db))]
  return all.length > 0 ? all : [ok(subject, `${rows.length}, all ran at their times`)]
}

function isLate({ name, at: ranAt }: Timetable, at: number): boolean {
  const job = Object.entries(JOBS).find(([it]) => it === name)?.[1]
  if (job === undefined) return false // of another version
  const isDaily = !job.cron(0).startsWith('*')
  return at - Date.parse(ranAt) > (isDaily ? DAILY_JOB_LATE_MS : MINUTE_JOB_LATE_MS)
}

function lateFinding(timetable: readonly Timetable[], late: readonly string[], at: number): Finding {
  const newest = Math.max(...timetable.map(it => Date.parse(it.at)))
  return wrong(
    'jobs',
    `${late.length} did not run at their times (${late.join(', ')}); the last one ran ${durationOf(at - newest)} ago`,
    'Start a server with the role "jobs" (roost serve has all roles).',
  )
}

async function failedFindings(db: Database): Promise<Finding[]> {
  const runs = await lastRuns(db)
  return runs
    .filter(it => it.outcome === 'failed')
    .map(({ name, startedAt, summary }) =>
      warning(
        'jobs',
        `${name} failed at ${startedAt}: ${summary ?? ''}`,
        `It is tried again at its next time; now: roost jobs run ${name}.`,
      ),
    )
}

// ── what waits for people ─────────────────────────────────────────────────────────────────────────────────────────────

async function alertFindings(db: Queryable, apps: readonly App[]): Promise<Finding[]> {
  const open = await Promise.all(
    apps.map(async ({ id, code }) =>
      (await listAlerts(db, { appId: id, state: 'open' })).map(it => ({ ...it, code })),
    ),
  )
  return open.flat().map(({ id, kind, code, openedAt, held, remedy, data }) => {
    return warning(
      'alerts',
      `${kind} of ${code} is open since ${openedAt}${held > 0 ? `, and holds ${held} deaths` : ''}`,
      `${withOwn(data.remedy, remedy)} ${endOf({ id, kind, held, code })}`,
    )
  })
}

type Open = Pick<AlertView, 'id' | 'kind' | 'held'> & { readonly code: string }

function endOf({ id, kind, held, code }: Open): string {
  if (held > 0) return `Then: roost alerts release|forget ${id} --app ${code}`
  if (isClosedByPeople(kind)) return `Then: roost alerts close ${id} --app ${code}`
  return 'It closes by itself.'
}

/** A remedy that points to one in the data of its alert, which a terminal does not show. */
function withOwn(own: unknown, remedy: string): string {
  return typeof own === 'string' ? remedy.replace(/^Do what data\.remedy says;/, () => own) : remedy
}

interface Webhook {
  readonly id: string
  readonly app: string
  readonly host: string
  readonly failures: number
  readonly failingSince: string | null
  readonly disabledAt: string | null
  readonly waiting: number
  readonly error: string | null
}

const WEBHOOKS = `
  select w.id, p.code as app, substring(w.url from '^https?://([^/?#@]+)') as host, w.failures,
         w.failing_since as "failingSince", w.disabled_at as "disabledAt",
         (select count(*) from webhook_delivery d join webhook_event e on e.id = d.event_id
           where d.webhook_id = w.id and d.state = 'waiting' and e.at < $1) as waiting,
         (select coalesce(d.error, 'status ' || d.status) from webhook_delivery d
           where d.webhook_id = w.id and d.attempted_at is not null order by d.attempted_at desc limit 1) as error
    from webhook w join app p on p.id = w.app_id
   order by p.code, w.created_at`

async function webhookFindings(db: Queryable, at: number): Promise<Finding[]> {
  const { rows } = await db.query<Webhook>(WEBHOOKS, [new Date(at - EVENT_LATE_MS)])
  const findings = rows.flatMap(judgeWebhook)
  return rows.length > 0 && findings.length === 0
    ? [ok('webhooks', `${rows.length}, all take what they are told`)]
    : findings
}

function judgeWebhook({
  id,
  app,
  host,
  failures,
  failingSince,
  disabledAt,
  waiting,
  error,
}: Webhook): Finding[] {
  const subject = `webhook ${host}`
  const path = `/v1/apps/${app}/webhooks/${id}`
  if (disabledAt !== null)
    return [
      wrong(
        subject,
        `took nothing for days and is told no more since ${disabledAt}: ${error ?? ''}`,
        `Mend its server, then PATCH ${path} {"isActive":true}.`,
      ),
    ]
  if (failingSince === null && waiting === 0) return []
  const since = failingSince === null ? '' : ` since ${failingSince}`
  return [
    warning(
      subject,
      `${failures} attempts failed${since}, ${waiting} events wait: ${error ?? 'nothing was tried yet'}`,
      `Mend its server; GET ${path}/deliveries has each answer.`,
    ),
  ]
}
