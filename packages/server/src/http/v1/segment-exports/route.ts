/** Exports of segments: asked for, watched, and read by a link that needs no token and expires. */
import { Readable } from 'node:stream'
import { newSegmentExportSchema, PushError, segmentExportSchema } from '@roost/protocol'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { readExport, readFile, settingsOf, startExport } from '../../../audience/export.ts'
import { readSegment } from '../../../audience/segments.ts'
import type { HttpContext } from '../../context.ts'
import { opens, viewOf } from './link.ts'

const tags = ['segments']
const uuid = z.uuid().toLowerCase()

export async function segmentExportRoutes(instance: FastifyInstance, context: HttpContext): Promise<void> {
  const app = instance.withTypeProvider<ZodTypeProvider>()
  const { db, clock, apps, seal } = context

  app.post(
    '/apps/:app/segments/:segment/exports',
    {
      schema: {
        tags,
        summary: 'Have the devices of a segment written to a file in a zip',
        params: z.object({ app: z.string(), segment: uuid }),
        body: newSegmentExportSchema,
        response: { 202: segmentExportSchema },
      },
    },
    async (request, reply) => {
      const found = await apps.find(request.params.app)
      const segment = await readSegment(db, { app: found, id: request.params.segment })
      const at = clock.now()
      const settings = settingsOf(request.body)
      const asked = { appId: found.id, condition: { segment: segment.id }, settings, at }
      const id = await startExport(db, asked)
      context.runSoon('segment-exports')
      const stored = await readExport(db, { appId: found.id, id, at })
      return reply.code(202).send(viewOf(stored, seal, request))
    },
  )

  app.get(
    '/apps/:app/segment-exports/:export',
    {
      schema: {
        tags,
        summary: 'How far an export is, and the link to its file',
        params: z.object({ app: z.string(), export: uuid }),
        response: { 200: segmentExportSchema },
      },
    },
    async request => {
      const { id: appId } = await apps.find(request.params.app)
      const stored = await readExport(db, { appId, id: request.params.export, at: clock.now() })
      return viewOf(stored, seal, request)
    },
  )
}

/** Without a token: the link is enough. */
export async function segmentExportFileRoutes(
  instance: FastifyInstance,
  context: HttpContext,
): Promise<void> {
  const app = instance.withTypeProvider<ZodTypeProvider>()
  const { db, clock, seal } = context
  instance.addHook('onRequest', async request => context.limits.takeCall(request.ip))

  app.get(
    '/:export',
    {
      schema: {
        tags,
        security: [],
        summary: 'Read the file of an export by its link',
        params: z.object({ export: uuid }),
        querystring: z.strictObject({ key: z.string().max(500) }),
      },
    },
    async ({ params, query }, reply) => {
      if (!opens(query.key, params.export, seal))
        throw new PushError('export_unknown', `there is no export ${params.export} with this key`)
      const found = await readExport(db, { appId: null, id: params.export, at: clock.now() })
      const { fileName, bytes, state } = found
      if (state !== 'done' || fileName === null)
        throw new PushError('export_unknown', `there is no file of the export ${params.export} at the moment`)
      return reply
        .type('application/zip')
        .header('content-disposition', `attachment; filename="${fileName}"`)
        .header('content-length', bytes)
        .send(Readable.from(readFile(db, found)))
    },
  )
}
