import { USER_ID_CHARACTERS } from '@roost/protocol'
import { z } from 'zod'
import { appParamsSchema } from '../apps/schema.ts'
import { deviceParamsSchema } from '../devices/schema.ts'

export const callParamsSchema = appParamsSchema.extend({ call: z.uuid() })

export const deviceCallParamsSchema = deviceParamsSchema.extend({ call: z.uuid() })

export const callListQuerySchema = z.strictObject({
  /** Calls to this user, and those that this user has made. */
  user: z.string().min(1).max(USER_ID_CHARACTERS).optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
  /** `next` of the page before. */
  after: z.uuid().toLowerCase().optional(),
})
