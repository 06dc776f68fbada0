import { ALERT_STATES, alertSchema } from '@roost/protocol'
import { z } from 'zod'

export const alertParamsSchema = z.object({ app: z.string(), id: z.uuid() })
/** Empty = all. */
export const alertQuerySchema = z.strictObject({ state: z.enum([...ALERT_STATES, '']).default('') })
export const alertListSchema = z.object({ alerts: z.array(alertSchema) })

/** How many addresses were made dead, or alive again. */
export const alertDecisionSchema = z.object({ changed: z.int() })
