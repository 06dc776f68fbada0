/** Statistics by hour and day, as JSON and as tables. What each number counts: docs/statistics.md. */
import {
  baseStatisticsSchema,
  campaignStatisticsSchema,
  coverageSchema,
  deliveryStatisticsSchema,
  failureStatisticsSchema,
  latencyStatisticsSchema,
  messageGroupsSchema,
  messageStatisticsSchema,
  removalStatisticsSchema,
} from '@roost/protocol'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { readCoverage } from '../../../insight/statistics/coverage.ts'
import { readMessageGroups } from '../../../insight/statistics/message-groups.ts'
import {
  countedAt,
  readBase,
  readCampaigns,
  readDeliveries,
  readFailures,
  readLatencies,
  readMessages,
  readRemovalReasons,
  requireSubject,
} from '../../../insight/statistics/read.ts'
import type { HttpContext } from '../../context.ts'
import { appParamsSchema } from '../apps/schema.ts'
import {
  baseQuerySchema,
  campaignQuerySchema,
  deliveryQuerySchema,
  formQuerySchema,
  groupQuerySchema,
  latencyQuerySchema,
  rangeOf,
  rangeQuerySchema,
  sendTable,
  subjectQuerySchema,
} from './query.ts'

const tags = ['statistics']
const params = appParamsSchema

export async function statisticsRoutes(instance: FastifyInstance, context: HttpContext): Promise<void> {
  await instance.register(timelineRoutes, context)
  await instance.register(listRoutes, context)
}

async function timelineRoutes(instance: FastifyInstance, { db, clock, apps }: HttpContext): Promise<void> {
  const app = instance.withTypeProvider<ZodTypeProvider>()

  app.get(
    '/apps/:app/stats/deliveries',
    {
      schema: {
        tags,
        summary: 'What became of messages by hour, day or month: of all, a campaign, or one message',
        params,
        querystring: deliveryQuerySchema,
        response: { 200: deliveryStatisticsSchema },
      },
    },
    async ({ params: { app: code }, query }, reply) => {
      const found = await apps.find(code)
      const range = rangeOf(found, query, clock.now())
      const { by, format, split, campaign, message } = query
      const apart = await requireSubject(db, { appId: range.appId, message })
      const asked = { ...range, by, campaign, message, isSplit: split !== undefined }
      const { rows, totals } = await readDeliveries(db, asked)
      const answer = { ...headOf(range, by), ...apart, asOf: await countedAt(db), rows, totals }
      return sendTable(reply, { name: `deliveries-${code}`, format, rows }, answer)
    },
  )

  app.get(
    '/apps/:app/stats/base',
    {
      schema: {
        tags,
        summary:
          'Devices, reachable ones, installs, opens, registrations, uninstalls … by hour, day or month',
        params,
        querystring: baseQuerySchema,
        response: { 200: baseStatisticsSchema },
      },
    },
    async ({ params: { app: code }, query }, reply) => {
      const found = await apps.find(code)
      const range = rangeOf(found, query, clock.now())
      const { by, format, split } = query
      const rows = await readBase(db, { ...range, by, isSplit: split !== undefined })
      const answer = { ...headOf(range, by), asOf: await countedAt(db), rows }
      return sendTable(reply, { name: `base-${code}`, format, rows }, answer)
    },
  )

  app.get(
    '/apps/:app/stats/latency',
    {
      schema: {
        tags,
        summary: 'How long messages took, stage by stage, as histograms that can be added up',
        params,
        querystring: latencyQuerySchema,
        response: { 200: latencyStatisticsSchema },
      },
    },
    async ({ params: { app: code }, query }, reply) => {
      const range = rangeOf(await apps.find(code), query, clock.now())
      const { campaign, message, gateway, format } = query
      const apart = await requireSubject(db, { appId: range.appId, message })
      const stages = await readLatencies(db, { ...range, campaign, message, gateway })
      const rows = stages.flatMap(({ stage, histogram }) => histogram.map(it => ({ stage, ...it })))
      return sendTable(reply, { name: `latency-${code}`, format, rows }, { ...apart, stages })
    },
  )
}

function headOf({ from, to, timeZone }: ReturnType<typeof rangeOf>, by: string) {
  return { from, to, by, timeZone }
}

async function listRoutes(instance: FastifyInstance, { db, clock, apps }: HttpContext): Promise<void> {
  const app = instance.withTypeProvider<ZodTypeProvider>()

  app.get(
    '/apps/:app/stats/failures',
    {
      schema: {
        tags,
        summary: 'Why deliveries did not end in "accepted", most frequent first',
        params,
        querystring: subjectQuerySchema,
        response: { 200: failureStatisticsSchema },
      },
    },
    async ({ params: { app: code }, query }, reply) => {
      const range = rangeOf(await apps.find(code), query, clock.now())
      const { campaign, message, format } = query
      const apart = await requireSubject(db, { appId: range.appId, message })
      const failures = await readFailures(db, { ...range, campaign, message })
      return sendTable(reply, { name: `failures-${code}`, format, rows: failures }, { ...apart, failures })
    },
  )

  app.get(
    '/apps/:app/stats/removals',
    {
      schema: {
        tags,
        summary: 'What took addresses out of the base and brought them back, by reason',
        params,
        querystring: rangeQuerySchema,
        response: { 200: removalStatisticsSchema },
      },
    },
    async ({ params: { app: code }, query }, reply) => {
      const range = rangeOf(await apps.find(code), query, clock.now())
      const removals = await readRemovalReasons(db, range)
      return sendTable(
        reply,
        { name: `removals-${code}`, format: query.format, rows: removals },
        { removals },
      )
    },
  )

  app.get(
    '/apps/:app/stats/messages',
    {
      schema: {
        tags,
        summary: 'Campaigns that were made in this time, newest first, with all that was counted of each',
        params,
        querystring: campaignQuerySchema,
        response: { 200: messageStatisticsSchema },
      },
    },
    async ({ params: { app: code }, query }, reply) => {
      const range = rangeOf(await apps.find(code), query, clock.now())
      const messages = await readMessages(db, { ...range, campaign: query.campaign })
      return sendTable(
        reply,
        { name: `messages-${code}`, format: query.format, rows: messages },
        { messages },
      )
    },
  )

  app.get(
    '/apps/:app/stats/campaigns',
    {
      schema: {
        tags,
        summary: 'Campaigns that messages of this time name, with all that was ever counted of each',
        params,
        querystring: rangeQuerySchema,
        response: { 200: campaignStatisticsSchema },
      },
    },
    async ({ params: { app: code }, query }, reply) => {
      const range = rangeOf(await apps.find(code), query, clock.now())
      const campaigns = await readCampaigns(db, range)
      return sendTable(
        reply,
        { name: `campaigns-${code}`, format: query.format, rows: campaigns },
        { campaigns },
      )
    },
  )

  app.get(
    '/apps/:app/stats/coverage',
    {
      schema: {
        tags,
        summary: 'Of how many devices receipts are seen at all, by platform and version',
        params,
        querystring: formQuerySchema,
        response: { 200: coverageSchema },
      },
    },
    async ({ params: { app: code }, query: { format } }, reply) => {
      const { id: appId } = await apps.find(code)
      const coverage = await readCoverage(db, { appId, at: clock.now() })
      return sendTable(reply, { name: `coverage-${code}`, format, rows: coverage.groups }, coverage)
    },
  )

  app.get(
    '/apps/:app/stats/groups',
    {
      schema: {
        tags,
        summary: 'What devices told of one message, by platform and language, in a part of the base',
        params,
        querystring: groupQuerySchema,
        response: { 200: messageGroupsSchema },
      },
    },
    async ({ params: { app: code }, query: { message: id, format } }, reply) => {
      const { id: appId } = await apps.find(code)
      const found = await readMessageGroups(db, { appId, id })
      return sendTable(reply, { name: `groups-${code}`, format, rows: found.groups }, found)
    },
  )
}
