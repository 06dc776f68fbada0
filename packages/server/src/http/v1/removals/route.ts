/** Removals: the feed, what it counts to, and taking removals back. */
import { Readable } from 'node:stream'
import { undoFilterSchema, undoPreviewSchema, undoSchema } from '@roost/protocol'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import {
  before,
  countRemovals,
  exportRemovals,
  placeAt,
  readPlace,
  readRemovals,
} from '../../../hygiene/removals.ts'
import { listUndos, previewUndo, readUndo, startUndo } from '../../../hygiene/undo.ts'
import { FORMS } from '../../../transfer/csv.ts'
import type { HttpContext } from '../../context.ts'
import { actorOf } from '../actor.ts'
import { appParamsSchema } from '../apps/schema.ts'
import {
  removalCountQuerySchema,
  removalCountsSchema,
  removalExportQuerySchema,
  removalListSchema,
  removalQuerySchema,
  undoListSchema,
  undoParamsSchema,
} from './schema.ts'

const tags = ['removals']
const SHOWN_MS = 30 * 24 * 60 * 60_000

function msOf(time: string | undefined): number | null {
  return time === undefined ? null : Date.parse(time)
}

export async function removalRoutes(instance: FastifyInstance, context: HttpContext): Promise<void> {
  const app = instance.withTypeProvider<ZodTypeProvider>()
  const { db, clock } = context

  app.get(
    '/apps/:app/removals',
    {
      schema: {
        tags,
        summary: 'Read which addresses were removed and why; read on with `next`',
        params: appParamsSchema,
        querystring: removalQuerySchema,
        response: { 200: removalListSchema },
      },
    },
    async request => {
      const { id: appId } = await context.apps.find(request.params.app)
      const { after, order, limit, from, to, event: events, reason: reasons } = request.query
      const start = msOf(from)
      const isNewestFirst = order === 'newest'
      const beginning =
        start !== null && (after === '' || isNewestFirst)
          ? await placeAt(db, { appId, from: start })
          : undefined
      const read = {
        appId,
        order,
        after: beginning ?? readPlace(isNewestFirst ? '' : after),
        upTo: isNewestFirst && after !== '' ? before(readPlace(after)) : null,
        limit: limit + 1,
        from: start,
        to: msOf(to),
        events,
        reasons,
      }
      const removals = await readRemovals(db, read)
      const page = removals.slice(0, limit)
      return { removals: page, next: page.at(-1)?.id ?? after, hasMore: removals.length > limit }
    },
  )

  app.get(
    '/apps/:app/removal-export',
    {
      schema: {
        tags,
        summary: 'Stream the removals of a time as CSV or NDJSON, oldest first',
        params: appParamsSchema,
        querystring: removalExportQuerySchema,
      },
    },
    async ({ params, query }, reply) => {
      const { id: appId } = await context.apps.find(params.app)
      const { format, event: events, reason: reasons } = query
      const from = msOf(query.from) ?? clock.now() - SHOWN_MS
      const pieces = exportRemovals(db, { appId, format, from, to: msOf(query.to), events, reasons })
      return reply
        .type(FORMS[format].mediaType)
        .header(
          'content-disposition',
          `attachment; filename="removals-${params.app}.${FORMS[format].ending}"`,
        )
        .send(Readable.from(pieces))
    },
  )

  app.get(
    '/apps/:app/removals/counts',
    {
      schema: {
        tags,
        summary: "Count removals by day, gateway, event and the gateway's own reason",
        params: appParamsSchema,
        querystring: removalCountQuerySchema,
        response: { 200: removalCountsSchema },
      },
    },
    async request => {
      const { id: appId, timeZone } = await context.apps.find(request.params.app)
      const to = msOf(request.query.to) ?? clock.now() + 1
      const from = msOf(request.query.from) ?? to - SHOWN_MS
      return { timeZone, counts: await countRemovals(db, { appId, timeZone, from, to }) }
    },
  )

  app.post(
    '/apps/:app/removals/undo',
    {
      schema: {
        tags,
        summary: 'Take removals of the last 30 days back; with dryRun only count them',
        params: appParamsSchema,
        body: undoFilterSchema,
        response: { 200: z.union([undoPreviewSchema, undoSchema]), 202: undoSchema },
      },
    },
    async (request, reply) => {
      const { id: appId } = await context.apps.find(request.params.app)
      const { body: filter } = request
      const asked = { appId, filter, at: clock.now() }
      if (filter.dryRun) return reply.code(200).send(await previewUndo(db, asked))
      const undo = await startUndo(db, { ...asked, by: (await actorOf(db, request)).label })
      if (undo.state === 'running') context.runSoon('removal-undo')
      return reply.code(undo.state === 'running' ? 202 : 200).send(undo)
    },
  )

  app.get(
    '/apps/:app/removals/undo',
    {
      schema: {
        tags,
        summary: 'List the newest 100 undos',
        params: appParamsSchema,
        response: { 200: undoListSchema },
      },
    },
    async request => {
      const { id: appId } = await context.apps.find(request.params.app)
      return { undos: await listUndos(db, appId) }
    },
  )

  app.get(
    '/apps/:app/removals/undo/:id',
    {
      schema: {
        tags,
        summary: 'Read how far an undo is',
        params: undoParamsSchema,
        response: { 200: undoSchema },
      },
    },
    async request => {
      const { id: appId } = await context.apps.find(request.params.app)
      return readUndo(db, { appId, id: request.params.id })
    },
  )
}
