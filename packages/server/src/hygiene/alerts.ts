/**
 * Alerts: something is wrong with an app that people have to look at. Of one subject at most one is open; it is told to the
 * webhooks when it opens, and where it holds deaths, also when it holds more after a rest.
 */
import {
  ALERT_KINDS,
  type AlertKind,
  type AlertView,
  PushError,
  type WebhookEventType,
} from '@roost/protocol'
import { v7 as uuidv7 } from 'uuid'
import type { Queryable } from '../store/database.ts'
import { recordEvent } from '../webhooks/outbox.ts'

export interface NewAlert {
  readonly appId: number
  readonly kind: AlertKind
  /** What it is about; one alert of it is open at a time. */
  readonly subject: string
  /** For people and programs; never a secret or a whole address. */
  readonly data: Readonly<Record<string, unknown>>
  /** ms. */
  readonly at: number
}

interface KindSpec {
  /** Null: webhooks are told of it by other events. */
  readonly event: WebhookEventType | null
  readonly remedy: string
  /** People close it: nothing tells Roost that it is mended. */
  readonly isForPeople?: true
}

const KINDS: Readonly<Record<AlertKind, KindSpec>> = {
  deaths_held: {
    event: 'base.deaths_held',
    remedy:
      'Look whether the credential is that of the app, and whether its gateway is at fault. Then release (they are dead) or forget (they live): POST …/alerts/{id}/release or /forget.',
  },
  wrong_credential: {
    event: 'base.wrong_credential',
    remedy:
      'Addresses are of another app or project: put the credential of the right one into the slot, and see from which build the addresses come.',
    isForPeople: true,
  },
  address_flapping: {
    event: 'base.address_flapping',
    remedy:
      'Devices share an address or a hwid: have the app make its hwid anew in each installation, and never restore it from a backup.',
    isForPeople: true,
  },
  webhook_disabled: {
    event: 'webhook.disabled',
    remedy: 'Mend the receiver, then PATCH …/webhooks/{id} {"isActive":true} and redeliver what was missed.',
  },
  death_rate: {
    event: 'base.death_rate',
    remedy:
      'GET …/removals/counts tells reasons and days. An app that was taken from the store, a new bundle or project, or a base that was not sent to for long explain it; what died of a fault is taken back by POST …/removals/undo.',
  },
  mass_inactive: {
    event: 'base.mass_inactive',
    remedy:
      'Look whether the app still tells of its opens, and whether inactiveDays is what you meant: POST …/address-policy/preview. To take it back: PATCH …/address-policy {"removeInactive":false}, then POST …/removals/undo {"reasons":["inactive"]}.',
  },
  quota: {
    event: 'sending.quota',
    remedy:
      'Ask Google for a higher quota of this project, spread campaigns (sendRate, other hours), or set ROOST_FCM_MESSAGES_PER_MINUTE to the quota that the project has.',
  },
  queue_age: {
    event: 'sending.queue_age',
    remedy:
      'See that a server with the role send runs and reaches the database (/readyz, its log). If it does, the machine is too slow for what is sent: add another server on the same database.',
  },
  credential_expiring: {
    event: null,
    remedy:
      'Replace the content of this slot: PUT …/credentials/{id}. No app has to be released for it; a p8 key does not expire.',
  },
  credential_refused: {
    event: null,
    remedy:
      'Do what data.remedy says; PUT …/credentials/{id} replaces its content, and what waits for it goes on by itself.',
  },
  message_incident: {
    event: 'sending.incident',
    remedy:
      'GET …/messages/{messageId}/reach tells the cause with its remedy, and who they are. It is none of the devices: look at the credential, the template and the gateway. Then send again to those whom it did not reach, and close this.',
    isForPeople: true,
  },
}

/** Others close by themselves when what they tell of is over, or by a decision about the deaths that they hold. */
export function isClosedByPeople(kind: AlertKind): boolean {
  return KINDS[kind].isForPeople === true
}

/** Returns the id of the open alert of this subject, which may be an older one. In the caller's transaction. */
export async function raiseAlert(tx: Queryable, alert: NewAlert): Promise<string> {
  const { appId, kind, subject, data, at } = alert
  const open = await openAlert(tx, alert)
  if (open !== undefined) return open
  const id = uuidv7()
  const { rowCount } = await tx.query(
    `insert into alert (id, app_id, kind, subject, data, opened_at) values ($1, $2, $3, $4, $5, $6)
     on conflict (app_id, kind, subject) where state = 'open' do nothing`,
    [id, appId, kind, subject, JSON.stringify(data), new Date(at)],
  )
  if (rowCount === 0) return (await openAlert(tx, alert)) ?? raiseAlert(tx, alert) // another one was first
  const { event } = KINDS[kind]
  if (event !== null) await recordEvent(tx, { appId, type: event, data: { alertId: id, ...data }, at })
  return id
}

/** Closes what is open of this subject, since it is over. In the caller's transaction. */
export async function closeOpen(
  tx: Queryable,
  { appId, kind, subject, at }: Omit<NewAlert, 'data'>,
): Promise<void> {
  await tx.query(
    `update alert set state = 'closed', closed_at = $4, closed_by = 'roost'
      where app_id = $1 and kind = $2 and subject = $3 and state = 'open'`,
    [appId, kind, subject, new Date(at)],
  )
}

/** Each chunk of an outage asks; so much of precision saves a row that all of them would wait for. */
const HELD_RESOLUTION = "interval '10 minutes'"
/** Longer than any pause within an outage that is sent through, shorter than from one campaign to the next. */
const REST = "interval '1 hour'"

/** Of two that ask at once the second one sees what the first one wrote. */
const NOTE_HELD = `
  with former as (
    select id, coalesce(held_at, opened_at) < $2::timestamptz - ${REST} as has_rested from alert
     where id = $1 and state = 'open' and coalesce(held_at, opened_at) < $2::timestamptz - ${HELD_RESOLUTION}
       for update
  )
  update alert l set held_at = $2, data = case when f.has_rested then $3::jsonb else l.data end
    from former f where l.id = f.id
  returning f.has_rested as "hasRested"`

/** As `raiseAlert`, for one that deaths join: after a rest its data are those of the newest incident, which is told of. */
export async function raiseHolding(tx: Queryable, alert: Omit<NewAlert, 'kind'>): Promise<string> {
  const kind = 'deaths_held'
  const { appId, data, at } = alert
  const id = await raiseAlert(tx, { ...alert, kind })
  const { rows } = await tx.query<{ hasRested: boolean }>(NOTE_HELD, [id, new Date(at), JSON.stringify(data)])
  if (rows[0]?.hasRested === true)
    await recordEvent(tx, { appId, type: 'base.deaths_held', data: { alertId: id, ...data }, at })
  return id
}

async function openAlert(
  tx: Queryable,
  { appId, kind, subject }: Pick<NewAlert, 'appId' | 'kind' | 'subject'>,
): Promise<string | undefined> {
  const { rows } = await tx.query<{ id: string }>(
    "select id from alert where app_id = $1 and kind = $2 and subject = $3 and state = 'open'",
    [appId, kind, subject],
  )
  return rows[0]?.id
}

const VIEW = `l.id, l.kind, l.state, l.data, l.opened_at as "openedAt", l.closed_at as "closedAt", l.closed_by as "closedBy",
  (select count(*)::integer from address a
    where a.held_by = l.id and a.held_generation = a.generation and a.state = 'suspect') as held`

/** The newest first, 100 at most. */
export async function listAlerts(
  db: Queryable,
  { appId, state }: { readonly appId: number; readonly state: AlertView['state'] | '' },
): Promise<AlertView[]> {
  const { rows } = await db.query<Row>(
    `select ${VIEW} from alert l where l.app_id = $1 and ($2 = '' or l.state = $2)
      order by l.opened_at desc, l.id desc limit 100`,
    [appId, state],
  )
  return rows.map(viewOf)
}

type Row = Omit<AlertView, 'remedy'>

function viewOf(row: Row): AlertView {
  return { ...row, remedy: KINDS[row.kind].remedy }
}

/** Of all apps; kinds of which none is open as well. */
export async function countOpenAlerts(
  db: Queryable,
): Promise<readonly { readonly kind: AlertKind; readonly count: number }[]> {
  const { rows } = await db.query<{ kind: AlertKind; count: number }>(
    `select k.kind, count(a.id)::integer as count
       from unnest($1::text[]) as k (kind) left join alert a on a.kind = k.kind and a.state = 'open'
      group by 1`,
    [ALERT_KINDS],
  )
  return rows
}

export interface AlertKey {
  readonly appId: number
  readonly id: string
}

/** Throws `alert_unknown`. */
export async function readAlert(db: Queryable, { appId, id }: AlertKey): Promise<AlertView> {
  const { rows } = await db.query<Row>(`select ${VIEW} from alert l where l.app_id = $1 and l.id = $2`, [
    appId,
    id,
  ])
  if (rows[0] === undefined) throw new PushError('alert_unknown', `this app has no alert ${id}`)
  return viewOf(rows[0])
}

export interface Closing extends AlertKey {
  readonly state: 'released' | 'forgotten' | 'closed'
  readonly by: string
  readonly at: number
}

/** Safe to repeat. Throws `alert_unknown`, and `alert_decided` when it was closed in another way before. */
export async function closeAlert(tx: Queryable, closing: Closing): Promise<void> {
  const { rowCount } = await tx.query(
    `update alert set state = $3, closed_at = $4, closed_by = $5 where app_id = $1 and id = $2 and state = 'open'`,
    [closing.appId, closing.id, closing.state, new Date(closing.at), closing.by],
  )
  if (rowCount > 0) return
  const { state, closedBy, closedAt } = await readAlert(tx, closing)
  if (state !== closing.state)
    throw new PushError('alert_decided', `alert ${closing.id} was ${state} by ${closedBy} at ${closedAt}`)
}
