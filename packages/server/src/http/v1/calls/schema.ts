import { z } from 'zod'
import { appParamsSchema } from '../apps/schema.ts'
import { deviceParamsSchema } from '../devices/schema.ts'

export const callParamsSchema = appParamsSchema.extend({ call: z.uuid() })

export const deviceCallParamsSchema = deviceParamsSchema.extend({ call: z.uuid() })
