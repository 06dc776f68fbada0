/** Segments: conditions with a name. */
import { newSegmentSchema, segmentPatchSchema, segmentSchema, segmentSizeSchema } from '@roost/protocol'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import {
  changeSegment,
  createSegment,
  deleteSegment,
  listSegments,
  readSegment,
  recompute,
} from '../../../audience/segments.ts'
import { sizeOf } from '../../../audience/size.ts'
import type { HttpContext } from '../../context.ts'
import { appParamsSchema } from '../apps/schema.ts'

const tags = ['segments']
const segmentParamsSchema = z.object({ app: z.string(), segment: z.uuid().toLowerCase() })
const truth = z.enum(['true', 'false']).optional()
/** `reach`: how many of them have an address that lives and may show something. */
const sizeQuerySchema = z.strictObject({ exact: truth, reach: truth })

export async function segmentRoutes(instance: FastifyInstance, context: HttpContext): Promise<void> {
  const app = instance.withTypeProvider<ZodTypeProvider>()
  const { db, clock, apps } = context

  app.get(
    '/apps/:app/segments',
    {
      schema: {
        tags,
        summary: 'List the segments, newest first',
        params: appParamsSchema,
        response: { 200: z.object({ segments: z.array(segmentSchema) }) },
      },
    },
    async ({ params }) => ({ segments: await listSegments(db, await apps.find(params.app)) }),
  )

  app.post(
    '/apps/:app/segments',
    {
      schema: {
        tags,
        summary: 'Make a segment of a condition or an expression',
        params: appParamsSchema,
        body: newSegmentSchema,
        response: { 201: z.object({ id: z.string() }) },
      },
    },
    async ({ params, body }, reply) => {
      const id = await createSegment(db, { app: await apps.find(params.app), input: body, at: clock.now() })
      if (body.mode === 'nightly') context.runSoon('segments')
      return reply.code(201).send({ id })
    },
  )

  app.get(
    '/apps/:app/segments/:segment',
    {
      schema: {
        tags,
        summary: 'Read a segment, with the runs of a nightly one',
        params: segmentParamsSchema,
        response: { 200: segmentSchema },
      },
    },
    async ({ params }) => readSegment(db, { app: await apps.find(params.app), id: params.segment }),
  )

  app.patch(
    '/apps/:app/segments/:segment',
    {
      schema: {
        tags,
        summary: 'Change a segment; messages that were planned keep what it was',
        params: segmentParamsSchema,
        body: segmentPatchSchema,
        response: { 200: segmentSchema },
      },
    },
    async ({ params, body }) => {
      const key = { app: await apps.find(params.app), id: params.segment }
      await changeSegment(db, { ...key, patch: body, at: clock.now() })
      context.runSoon('segments')
      return readSegment(db, key)
    },
  )

  app.get(
    '/apps/:app/segments/:segment/size',
    {
      schema: {
        tags,
        summary: 'How many devices are in a segment: an estimate with its error, or exactly',
        params: segmentParamsSchema,
        querystring: sizeQuerySchema,
        response: { 200: segmentSizeSchema },
      },
    },
    async ({ params, query }) => {
      const key = { app: await apps.find(params.app), id: params.segment }
      const { nightly } = await readSegment(db, key)
      const size = await sizeOf(db, {
        appId: key.app.id,
        condition: { segment: key.id },
        at: clock.now(),
        isExact: query.exact === 'true',
        hasReach: query.reach === 'true',
        random: Math.random,
      })
      return { ...size, asOf: nightly?.snapshot?.computedAt ?? size.asOf }
    },
  )

  app.post(
    '/apps/:app/segments/:segment/compute',
    {
      schema: {
        tags,
        summary: 'Compute a nightly segment now',
        params: segmentParamsSchema,
        response: { 202: segmentSchema },
      },
    },
    async ({ params }, reply) => {
      const key = { app: await apps.find(params.app), id: params.segment }
      await recompute(db, { ...key, at: clock.now() })
      context.runSoon('segments')
      return reply.code(202).send(await readSegment(db, key))
    },
  )

  app.delete(
    '/apps/:app/segments/:segment',
    {
      schema: {
        tags,
        summary: 'Delete a segment that no message under way and no other segment names',
        params: segmentParamsSchema,
        response: { 204: z.null() },
      },
    },
    async ({ params }, reply) => {
      await deleteSegment(db, {
        app: await apps.find(params.app),
        id: params.segment,
        at: clock.now(),
      })
      return reply.code(204).send(null)
    },
  )
}
