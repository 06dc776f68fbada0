import { webhookDeliverySchema, webhookSchema } from '@roost/protocol'
import { z } from 'zod'

export const webhookParamsSchema = z.object({ app: z.string(), id: z.uuid() })
export const webhookListSchema = z.object({ webhooks: z.array(webhookSchema) })
export const deliveryListSchema = z.object({ deliveries: z.array(webhookDeliverySchema) })
export const webhookTestSchema = z.object({ eventId: z.string() })
/** How many events. */
export const redeliveredSchema = z.object({ count: z.int() })
