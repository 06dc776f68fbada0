/**
 * The statistics calls of the compatible protocol. A `request_id` says what is to be counted and `getResults` reads it, so a
 * request never has to be waited for and never grows old. How its rows call what they count is not published: ours are
 * the words of its documentation, joined by an underscore.
 */
import { DEVICE_TYPES, type Platform, PushError, type StatisticsStep } from '@roost/protocol'
import { z } from 'zod'
import type { App } from '../../access/apps.ts'
import { readBase, readDeliveries, type Step, type Timeline } from '../../insight/statistics/read.ts'
import { findByCode } from '../../messages/code.ts'
import { PROVIDER_OF } from '../../registry/address.ts'
import { check } from '../faults.ts'
import { rangeOf } from '../v1/stats/query.ts'
import type { BackEndContext } from './back-end.ts'

type Method = (context: BackEndContext, request: unknown) => Promise<unknown>

/** A day, with or without a time of it. */
const date = z
  .string()
  .regex(/^\d{4}-\d\d-\d\d/, 'a date as 2026-12-31')
  .transform(text => text.slice(0, 10))
  .pipe(z.iso.date())
const range = { application: z.string().min(1).max(64), datefrom: date.optional(), dateto: date.optional() }
const appSchema = z.object(range)
const campaignSchema = z.object({ ...range, campaign: z.string().min(1).max(128) })
const platformsSchema = z.object({
  message: z.string().min(1).max(64),
  platforms: z.array(z.coerce.number().int()).max(50).optional(),
})

/** What a `request_id` says. */
const askedSchema = z.object({
  app: z.string(),
  from: z.string(),
  to: z.string(),
  campaign: z.string().optional(),
  message: z.string().optional(),
  gateways: z.array(z.string()).optional(),
})
type Asked = z.infer<typeof askedSchema>

const PREFIX = 's.'

/** Exported for the page that lists them. */
export const STATISTICS_METHODS: Readonly<Record<string, Method>> = {
  getAppStats: async (context, request) => idOf(await askedRange(context, checked(appSchema, request))),
  getCampaignStats: async (context, request) => {
    const call = checked(campaignSchema, request)
    return idOf({ ...(await askedRange(context, call)), campaign: call.campaign })
  },
  getMsgPlatformsStats: async (context, request) => {
    const { message: code, platforms } = checked(platformsSchema, request)
    const found = await findByCode(context.db, code)
    if (found === null || !context.apps.has(found.appId))
      throw new PushError('message_unknown', `there is no message ${code}`)
    return idOf(await askedOfMessage(context, found, platforms))
  },
}

export function isOfStatistics(requestId: string): boolean {
  return requestId.startsWith(PREFIX)
}

function checked<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  return check(schema, { name: 'request', value, separator: '.' })
}

function idOf(asked: Asked): { readonly request_id: string } {
  return { request_id: PREFIX + Buffer.from(JSON.stringify(asked)).toString('base64url') }
}

async function askedRange(
  { apps, clock }: BackEndContext,
  call: z.output<typeof appSchema>,
): Promise<Pick<Asked, 'app' | 'from' | 'to'>> {
  const app = await apps.find(call.application)
  const { from, to } = rangeOf(app, { from: call.datefrom, to: call.dateto }, clock.now())
  return { app: app.code, from, to }
}

async function askedOfMessage(
  { db, clock }: BackEndContext,
  { id, appId }: { readonly id: string; readonly appId: number },
  platforms: readonly number[] | undefined,
): Promise<Asked> {
  const { rows } = await db.query<{ app: string; from: string }>(
    `select a.code as app, (m.created_at at time zone a.time_zone)::date::text as "from"
       from message m join app a on a.id = m.app_id where m.id = $1 and m.app_id = $2`,
    [id, appId],
  )
  const { app = '', from = '' } = rows[0] ?? {}
  const to = new Date(clock.now() + DAY_MS).toISOString().slice(0, 10)
  const gateways = platforms?.flatMap(it => gatewayOf(it) ?? [])
  return { app, from, to, message: id, ...(gateways && { gateways }) }
}

const DAY_MS = 24 * 3_600_000
/** The number by which a row names what a gateway serves. */
const PLATFORM_OF: Readonly<Record<string, number>> = { apns: 1, fcm: 3, hms: 17, webpush: 11 }

function gatewayOf(deviceType: number): string | undefined {
  const platform = (DEVICE_TYPES as Readonly<Record<number, Platform>>)[deviceType]
  return platform && PROVIDER_OF[platform]
}

const SCALES = [
  { overDays: 366, formatter: 'yearly', by: 'month' },
  { overDays: 31, formatter: 'monthly', by: 'month' },
  { overDays: 1, formatter: 'daily', by: 'day' },
  { overDays: 0, formatter: 'hourly', by: 'hour' },
] as const satisfies readonly { overDays: number; formatter: string; by: StatisticsStep }[]

interface Row {
  readonly datetime: string
  readonly action: string
  readonly count: number
  readonly platform?: number
}

export interface Results {
  readonly formatter: string
  readonly rows: readonly Row[]
  /** Shares of what gateways took; ours. */
  readonly conversion: { readonly delivery: number | null; readonly open: number | null }
}

/** Throws `input_invalid` for a `request_id` that none of the calls has answered. */
export async function readStatistics(context: BackEndContext, requestId: string): Promise<Results> {
  const asked = readId(requestId)
  const app = await context.apps.find(asked.app)
  const days = (Date.parse(asked.to) - Date.parse(asked.from)) / DAY_MS + 1
  const scale = SCALES.find(it => days > it.overDays) ?? SCALES[3]
  const isSplit = asked.message !== undefined
  const timeline: Timeline = {
    ...rangeOf(app, { ...asked, by: scale.by }, context.clock.now()),
    by: scale.by,
    isSplit,
    campaign: asked.campaign,
    message: asked.message,
  }
  const { rows: found, totals } = await readDeliveries(context.db, timeline)
  const wanted = found.filter(it => asked.gateways?.includes(it.gateway ?? '') ?? true)
  const isOfApp = asked.campaign === undefined && asked.message === undefined
  const base = isOfApp ? await readBase(context.db, timeline) : []
  const rows = [...actionsOf(base, BASE_ACTIONS), ...actionsOf(wanted, MESSAGE_ACTIONS)]
  return {
    formatter: scale.formatter,
    rows: inScale(rows, { app, formatter: scale.formatter }),
    conversion: { delivery: totals.deliveredShare, open: totals.openedShare },
  }
}

function readId(requestId: string): Asked {
  try {
    return askedSchema.parse(JSON.parse(Buffer.from(requestId.slice(PREFIX.length), 'base64url').toString()))
  } catch {
    throw new PushError('input_invalid', 'request.request_id: it is none that a call for statistics answered')
  }
}

const BASE_ACTIONS = {
  application_open: 'opens',
  application_install: 'installs',
  device_register: 'registrations',
  device_unregister: 'unregistrations',
} as const
const MESSAGE_ACTIONS = {
  message_send: 'accepted',
  message_open: 'opened',
  message_delivery: 'delivered',
} as const

interface Action extends Step {
  readonly action: string
  readonly count: number
}

function actionsOf<Name extends string>(
  rows: readonly (Step & Readonly<Record<Name, number | null>>)[],
  actions: Readonly<Record<string, Name>>,
): Action[] {
  return rows.flatMap(row =>
    Object.entries(actions).map(([action, name]) => ({
      at: row.at,
      gateway: row.gateway,
      action,
      count: row[name] ?? 0,
    })),
  )
}

/** Added up where the scale is wider than the steps; what did not happen has no row. */
function inScale(
  actions: readonly Action[],
  { app, formatter }: { readonly app: App; readonly formatter: string },
): Row[] {
  const rows = new Map<string, Row>()
  for (const { at, gateway, action, count } of actions) {
    if (count === 0) continue
    const datetime = datetimeOf(at, app, formatter)
    const key = `${datetime} ${action} ${gateway}`
    const platform = gateway === null ? undefined : PLATFORM_OF[gateway]
    const known = rows.get(key)?.count ?? 0
    rows.set(key, { datetime, action, count: known + count, ...(platform !== undefined && { platform }) })
  }
  return [...rows.values()].sort((a, b) => (a.datetime < b.datetime ? -1 : a.datetime > b.datetime ? 1 : 0))
}

function datetimeOf(at: string, { timeZone }: App, formatter: string): string {
  if (formatter === 'yearly') return `${at.slice(0, 4)}-01-01 00:00:00`
  if (formatter !== 'hourly') return `${at} 00:00:00`
  const parts = { dateStyle: 'short', timeStyle: 'medium', timeZone } as const
  return new Intl.DateTimeFormat('sv-SE', parts).format(new Date(at))
}
