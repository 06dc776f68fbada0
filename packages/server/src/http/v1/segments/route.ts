/** Segments: conditions with a name. */
import {
  compiledSegmentSchema,
  newSegmentSchema,
  type SegmentView,
  segmentMembersQuerySchema,
  segmentMembersSchema,
  segmentPatchSchema,
  segmentPreviewSchema,
  segmentSchema,
  segmentSizeSchema,
  segmentUseSchema,
} from '@roost/protocol'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { readMembers } from '../../../audience/members.ts'
import {
  changeSegment,
  createSegment,
  deleteSegment,
  listSegments,
  listUses,
  readConditionOf,
  readSegment,
  recompute,
} from '../../../audience/segments.ts'
import { sizeOf } from '../../../audience/size.ts'
import type { HttpContext } from '../../context.ts'
import { appParamsSchema } from '../apps/schema.ts'
import { editHeadersSchema, unchangedOf, withEtag } from '../editing.ts'

const tags = ['segments']
const segmentParamsSchema = z.object({ app: z.string(), segment: z.uuid().toLowerCase() })
const truth = z.enum(['true', 'false']).optional()
/** `reach`: how many of them have an address that lives and may show something. */
const sizeQuerySchema = z.strictObject({ exact: truth, reach: truth })

/** For the ETag: what is computed of it makes no other one. */
function editedOf({ name, mode, condition, nightly }: SegmentView): unknown {
  return { name, mode, condition, hour: nightly?.hour ?? null }
}

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

  app.post(
    '/apps/:app/segments/compile',
    {
      schema: {
        tags,
        summary:
          'Look at a condition or an expression before a segment is made of it: both forms, and its size',
        params: appParamsSchema,
        body: segmentPreviewSchema,
        response: { 200: compiledSegmentSchema },
      },
    },
    async ({ params, body: { exact, reach, ...input } }) => {
      const found = await apps.find(params.app)
      const at = clock.now()
      const made = await readConditionOf(db, { app: found, input, at })
      const asked = { isExact: exact === true, hasReach: reach === true, random: Math.random }
      const size = await sizeOf(db, { appId: found.id, condition: made.condition, at, ...asked })
      return { ...made, size }
    },
  )

  app.get(
    '/apps/:app/segments/uses',
    {
      schema: {
        tags,
        summary: 'List which messages under way, schedules, triggers and segments name which segments',
        params: appParamsSchema,
        response: { 200: z.object({ uses: z.array(segmentUseSchema) }) },
      },
    },
    async ({ params }) => ({ uses: await listUses(db, { appId: (await apps.find(params.app)).id }) }),
  )

  app.get(
    '/apps/:app/segments/:segment/members',
    {
      schema: {
        tags,
        summary: 'Read who is in a segment, page by page',
        params: segmentParamsSchema,
        querystring: segmentMembersQuerySchema,
        response: { 200: segmentMembersSchema },
      },
    },
    async ({ params, query }) => {
      const key = { app: await apps.find(params.app), id: params.segment }
      await readSegment(db, key)
      const { after, limit } = query
      return readMembers(db, { appId: key.app.id, segmentId: key.id, after, limit, at: clock.now() })
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
    async ({ params }, reply) =>
      withEtag(
        reply,
        await readSegment(db, { app: await apps.find(params.app), id: params.segment }),
        editedOf,
      ),
  )

  app.patch(
    '/apps/:app/segments/:segment',
    {
      schema: {
        tags,
        summary: 'Change a segment; messages that were planned keep what it was',
        params: segmentParamsSchema,
        headers: editHeadersSchema,
        body: segmentPatchSchema,
        response: { 200: segmentSchema },
      },
    },
    async (request, reply) => {
      const { params, body } = request
      const key = { app: await apps.find(params.app), id: params.segment }
      const unchanged = unchangedOf(request, {
        name: `segment ${key.id}`,
        read: async tx => editedOf(await readSegment(tx, key)),
      })
      await changeSegment(db, { ...key, patch: body, at: clock.now(), unchanged })
      context.runSoon('segments')
      return withEtag(reply, await readSegment(db, key), editedOf)
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
