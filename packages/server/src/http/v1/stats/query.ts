/** What is asked of the statistics: from when to when, by which steps, of which campaign or message, and in which form. */
import { STATISTICS_STEPS } from '@roost/protocol'
import type { FastifyReply } from 'fastify'
import { z } from 'zod'
import type { App } from '../../../access/apps.ts'
import { checkRange, type Range } from '../../../insight/statistics/read.ts'
import { csvLine, FORMS } from '../../../transfer/csv.ts'

const DAY_MS = 24 * 3_600_000
const DEFAULT_DAYS = 30

const form = { format: z.enum(['json', 'csv', 'spreadsheet']).default('json') }
const range = {
  /** Dates in the app's time zone, both inclusive. Default: the last 30 days. */
  from: z.iso.date().optional(),
  to: z.iso.date().optional(),
  ...form,
}
const subject = {
  campaign: z.string().min(1).max(128).optional(),
  message: z.uuid().optional(),
}
const steps = {
  by: z.enum(STATISTICS_STEPS).default('day'),
  split: z.enum(['gateway']).optional(),
}

export const formQuerySchema = z.strictObject(form)
export const groupQuerySchema = z.strictObject({ ...form, message: z.uuid().toLowerCase() })
export const statesQuerySchema = z.strictObject({
  ...form,
  exact: z
    .enum(['true', 'false'])
    .default('false')
    .describe('true counts all of a large base, too, which may take a minute'),
})
export const rangeQuerySchema = z.strictObject(range)
export const subjectQuerySchema = z.strictObject({ ...range, ...subject })
export const latencyQuerySchema = z.strictObject({
  ...range,
  ...subject,
  gateway: z.enum(['apns', 'fcm', 'hms', 'webpush']).optional(),
})
export const campaignQuerySchema = z.strictObject({ ...range, campaign: subject.campaign })
export const baseQuerySchema = z.strictObject({ ...range, ...steps })
export const deliveryQuerySchema = z.strictObject({ ...range, ...steps, ...subject })

interface AskedRange {
  readonly from?: string | undefined
  readonly to?: string | undefined
}

/** Throws `input_invalid` for one that ends before it begins, or is too long. */
export function rangeOf(
  { id: appId, timeZone }: App,
  asked: AskedRange & { readonly by?: (typeof STATISTICS_STEPS)[number] },
  now: number,
): Range {
  const to = asked.to ?? new Intl.DateTimeFormat('sv-SE', { timeZone }).format(now)
  const from = asked.from ?? dateOf(Date.parse(to) - (DEFAULT_DAYS - 1) * DAY_MS)
  checkRange({ from, to, by: asked.by ?? 'day' })
  return { appId, timeZone, from, to }
}

function dateOf(at: number): string {
  return new Date(at).toISOString().slice(0, 10)
}

interface Table {
  readonly name: string
  readonly format: 'json' | 'csv' | 'spreadsheet'
  readonly rows: readonly object[]
}

/** Sends `answer`, or its rows as a table, with a column for each number. */
export function sendTable(reply: FastifyReply, { name, format, rows }: Table, answer: object): FastifyReply {
  if (format === 'json') return reply.send(answer)
  const { mediaType, ending, mark, line = csvLine } = FORMS[format]
  const columns = Object.keys(rows[0] ?? {})
  const lines = rows.map(row => line(columns.map(it => (row as Record<string, unknown>)[it])))
  return reply
    .type(mediaType)
    .header('content-disposition', `attachment; filename="${name}.${ending}"`)
    .send([mark, csvLine(columns), ...lines].join(''))
}
