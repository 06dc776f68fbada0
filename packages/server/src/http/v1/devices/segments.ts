/** Segments of a device: which ones it is in, and why not in another. */
import { segmentOfDeviceReasonsSchema, segmentsOfDeviceSchema } from '@roost/protocol'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { readReasons, readSegmentsOfDevice } from '../../../audience/of-device.ts'
import type { HttpContext } from '../../context.ts'
import { deviceParamsSchema } from './schema.ts'

const tags = ['segments']
const segment = z.uuid().toLowerCase()

const pageQuerySchema = z.strictObject({
  limit: z.coerce.number().int().min(1).max(200).default(100),
  after: segment.optional().describe('`next` of the page before'),
})

export async function deviceSegmentRoutes(instance: FastifyInstance, context: HttpContext): Promise<void> {
  const app = instance.withTypeProvider<ZodTypeProvider>()
  const { db, clock, apps } = context

  app.get(
    '/apps/:app/devices/:hwid/segments',
    {
      schema: {
        tags,
        summary: 'Tell of each segment whether a device is in it, newest segment first',
        params: deviceParamsSchema,
        querystring: pageQuerySchema,
        response: { 200: segmentsOfDeviceSchema },
      },
    },
    async ({ params, query: { limit, after } }) =>
      readSegmentsOfDevice(db, {
        app: await apps.find(params.app),
        hwid: params.hwid,
        at: clock.now(),
        limit,
        after,
      }),
  )

  app.get(
    '/apps/:app/devices/:hwid/segments/:segment',
    {
      schema: {
        tags,
        summary: 'Tell what of its condition lets a device into a segment, or keeps it out',
        params: deviceParamsSchema.extend({ segment }),
        response: { 200: segmentOfDeviceReasonsSchema },
      },
    },
    async ({ params }) =>
      readReasons(db, {
        app: await apps.find(params.app),
        hwid: params.hwid,
        at: clock.now(),
        id: params.segment,
      }),
  )
}
