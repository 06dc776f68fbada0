/** Test devices: those that people pick to try a message on. */
import { newTestDeviceSchema, PushError, testDeviceSchema } from '@roost/protocol'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { checkDevice } from '../../../registry/check.ts'
import { addTestDevice, listTestDevices, removeTestDevice } from '../../../registry/test-devices.ts'
import type { HttpContext } from '../../context.ts'
import { appParamsSchema } from '../apps/schema.ts'
import { deviceParamsSchema } from '../devices/schema.ts'

const tags = ['test devices']

export async function testDeviceRoutes(instance: FastifyInstance, context: HttpContext): Promise<void> {
  const app = instance.withTypeProvider<ZodTypeProvider>()

  app.get(
    '/apps/:app/test-devices',
    {
      schema: {
        tags,
        summary: 'List the test devices, newest first',
        params: appParamsSchema,
        response: { 200: z.object({ testDevices: z.array(testDeviceSchema) }) },
      },
    },
    async ({ params }) => {
      const { id } = await context.apps.find(params.app)
      return { testDevices: await listTestDevices(context.db, id) }
    },
  )

  app.post(
    '/apps/:app/test-devices',
    {
      schema: {
        tags,
        summary: 'Make a device a test device, or give one another name',
        params: appParamsSchema,
        body: newTestDeviceSchema,
        response: { 201: z.object({ hwid: z.string() }) },
      },
    },
    async ({ params, body }, reply) => {
      const { id: appId } = await context.apps.find(params.app)
      const { hwid, name, description = null } = body
      if (!(await checkDevice(context.db, { appId, hwid })).isKnown)
        throw new PushError('device_unknown', `this app has no device "${hwid}"`)
      await addTestDevice(context.db, { appId, hwid, name, description, at: context.clock.now() })
      return reply.code(201).send({ hwid })
    },
  )

  app.delete(
    '/apps/:app/test-devices/:hwid',
    {
      schema: {
        tags,
        summary: 'Make a test device an ordinary one again; repeating it changes nothing',
        params: deviceParamsSchema,
        response: { 204: z.null() },
      },
    },
    async ({ params }, reply) => {
      const { id } = await context.apps.find(params.app)
      await removeTestDevice(context.db, id, params.hwid)
      return reply.code(204).send(null)
    },
  )
}
