/** Devices: the list, one with its addresses, and the ledger of what happened to them. */
import { deviceSchema, doubtSchema, PushError } from '@roost/protocol'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { readDoubt } from '../../../hygiene/uninstalls/doubt.ts'
import { listEnvironmentMismatches, readDevice, readLedger } from '../../../registry/read.ts'
import { listDevices } from '../../../registry/search/list.ts'
import { foundByKeys, type Scanned } from '../../../registry/search/scan.ts'
import { findEndHolders, findTokenHolders } from '../../../registry/token-holders.ts'
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
import { deviceSegmentRoutes } from './segments.ts'

const tags = ['devices']

const doubtedSchema = deviceSchema.extend({
  /** How likely it is that its app is gone; null where that is not looked for: browsers, Huawei, and who has no address. */
  doubt: doubtSchema.nullable(),
})

export async function deviceRoutes(instance: FastifyInstance, context: HttpContext): Promise<void> {
  const app = instance.withTypeProvider<ZodTypeProvider>()
  await app.register(deviceSegmentRoutes, context)

  app.get(
    '/apps/:app/devices',
    {
      schema: {
        tags,
        summary:
          'List devices, of a small base last seen first; search them; or find the one that has a push token',
        params: appParamsSchema,
        querystring: deviceQuerySchema,
        response: { 200: deviceListSchema },
      },
    },
    async request => {
      const { id: appId } = await context.apps.find(request.params.app)
      const { token, ...query } = request.query
      if (token === undefined) return pageOf(await listDevices(context.db, { appId, ...query }))
      if (query.search !== '' || query.state !== '' || query.platform !== '')
        throw new PushError(
          'input_invalid',
          'querystring/token: it is taken without search, state and platform',
        )
      const asked = { appId, token, limit: query.limit }
      const holders = await findTokenHolders(context.db, asked)
      return pageOf(foundByKeys(holders.length > 0 ? holders : await findEndHolders(context.db, asked)))
    },
  )

  app.get(
    '/apps/:app/devices/:hwid',
    {
      schema: {
        tags,
        summary: 'Read a device',
        params: deviceParamsSchema,
        response: { 200: doubtedSchema },
      },
    },
    async request => {
      const { id: appId } = await context.apps.find(request.params.app)
      const key = { appId, hwid: request.params.hwid }
      const [device, doubt] = await Promise.all([
        readDevice(context.db, key),
        readDoubt(context.db, { ...key, at: context.clock.now() }),
      ])
      return { ...device, doubt }
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

function pageOf<T>({ found, next, searched }: Scanned<T>) {
  return { devices: [...found], next, searched }
}
