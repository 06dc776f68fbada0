/** Devices: the list, one with its addresses, and the ledger of what happened to them. */
import { deviceSchema, PushError } from '@roost/protocol'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { listDevices, listEnvironmentMismatches, readDevice, readLedger } from '../../../registry/read.ts'
import { findTokenHolders } from '../../../registry/token-holders.ts'
import type { HttpContext } from '../../context.ts'
import { appParamsSchema } from '../apps/schema.ts'
import {
  deviceListSchema,
  deviceParamsSchema,
  deviceQuerySchema,
  ledgerSchema,
  mismatchListSchema,
  mismatchQuerySchema,
} from './schema.ts'

const tags = ['devices']

export async function deviceRoutes(instance: FastifyInstance, context: HttpContext): Promise<void> {
  const app = instance.withTypeProvider<ZodTypeProvider>()

  app.get(
    '/apps/:app/devices',
    {
      schema: {
        tags,
        summary: 'List devices, last seen first; or find the one that has a push token',
        params: appParamsSchema,
        querystring: deviceQuerySchema,
        response: { 200: deviceListSchema },
      },
    },
    async request => {
      const { id: appId } = await context.apps.find(request.params.app)
      const { token, ...query } = request.query
      if (token === undefined) return { devices: await listDevices(context.db, { appId, ...query }) }
      if (query.search !== '' || query.state !== '')
        throw new PushError('input_invalid', 'querystring/token: it is taken without search and state')
      return { devices: await findTokenHolders(context.db, { appId, token, limit: query.limit }) }
    },
  )

  app.get(
    '/apps/:app/devices/:hwid',
    {
      schema: { tags, summary: 'Read a device', params: deviceParamsSchema, response: { 200: deviceSchema } },
    },
    async request => {
      const { id: appId } = await context.apps.find(request.params.app)
      return readDevice(context.db, { appId, hwid: request.params.hwid })
    },
  )

  app.get(
    '/apps/:app/devices/:hwid/ledger',
    {
      schema: {
        tags,
        summary: 'Read what happened to its addresses',
        params: deviceParamsSchema,
        response: { 200: ledgerSchema },
      },
    },
    async request => {
      const { id: appId } = await context.apps.find(request.params.app)
      const key = { appId, hwid: request.params.hwid }
      await readDevice(context.db, key) // an unknown device is an error, not an empty history
      return { entries: await readLedger(context.db, key) }
    },
  )

  app.get(
    '/apps/:app/environment-mismatches',
    {
      schema: {
        tags,
        summary: 'List devices whose token is of another environment than they report, newest first',
        params: appParamsSchema,
        querystring: mismatchQuerySchema,
        response: { 200: mismatchListSchema },
      },
    },
    async request => {
      const { id: appId } = await context.apps.find(request.params.app)
      return listEnvironmentMismatches(context.db, { appId, ...request.query })
    },
  )
}
