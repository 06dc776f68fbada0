/** The calls of a device, for apps and for back ends. */
import { CALL_EVENTS, deviceCallListSchema, deviceCallSchema } from '@roost/protocol'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { callOver } from '../../../calls/calls.ts'
import type { HttpContext } from '../../context.ts'
import { letInDevicesAndBackEnds, DEVICE_OR_BACK_END as security } from '../../device-or-back-end.ts'
import { deviceParamsSchema } from '../devices/schema.ts'
import { deviceCallParamsSchema } from './schema.ts'

const tags = ['calls']

const SUMMARIES = {
  ringing: 'Say that a device rings, so that no push has to follow',
  accept: 'Accept a call on a device; exactly one wins',
  reject: 'Reject a call, on all devices of the callee',
  busy: 'Say that the callee is in another call',
  cancel: 'End a call by a device of its caller',
} as const

/** The caller registers with the path of the calls as prefix. */
export async function callsOfDeviceRoutes(instance: FastifyInstance, context: HttpContext): Promise<void> {
  const callerOf = await letInDevicesAndBackEnds(instance, context, ['GET', 'POST'])
  const appIdOf = (request: FastifyRequest) => callerOf(request).id
  const app = instance.withTypeProvider<ZodTypeProvider>()
  const { calls } = context

  app.get(
    '',
    {
      schema: {
        tags,
        security,
        summary: 'List the calls that concern a device by now',
        params: deviceParamsSchema,
        querystring: z.strictObject({}),
        response: { 200: deviceCallListSchema },
      },
    },
    async request => ({
      calls: await calls.listOf({ appId: appIdOf(request), hwid: request.params.hwid }),
    }),
  )

  for (const event of CALL_EVENTS)
    app.post(
      `/:call/${event}`,
      {
        schema: {
          tags,
          security,
          summary: SUMMARIES[event],
          params: deviceCallParamsSchema,
          querystring: z.strictObject({}),
          response: { 200: deviceCallSchema },
        },
      },
      async request => {
        const { hwid, call: callId } = request.params
        const { taken, call } = await calls.sayByDevice({ appId: appIdOf(request), callId }, hwid, event)
        if (!taken) throw callOver(callId, call.state)
        return call
      },
    )
}
