import { REACH_STEPS } from '@roost/protocol'
import { z } from 'zod'

export const reachParamsSchema = z.object({ app: z.string(), id: z.uuid() })
export const reachStepParamsSchema = reachParamsSchema.extend({ step: z.enum(REACH_STEPS) })
