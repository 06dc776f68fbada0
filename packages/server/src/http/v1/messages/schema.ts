import {
  campaignSchema,
  exceptionSchema,
  listedMessageSchema,
  MESSAGE_STATES,
  type MessageState,
} from '@roost/protocol'
import { z } from 'zod'

export const messageParamsSchema = z.object({ app: z.string(), id: z.uuid() })
export const messageQuerySchema = z.strictObject({
  limit: z.coerce.number().int().min(1).max(200).default(20),
  /** `next` of the page before. */
  after: z.uuid().toLowerCase().optional(),
})
function isState(text: string): text is MessageState {
  return (MESSAGE_STATES as readonly string[]).includes(text)
}

const moment = z.iso.datetime({ offset: true }).optional()
const SEARCHED_CHARACTERS = 200
export const messageSearchSchema = messageQuerySchema.extend({
  /** One, or several with commas between them. */
  state: z
    .string()
    .refine(it => it.split(',').every(isState), `one of ${MESSAGE_STATES.join(', ')}, or several with commas`)
    .transform(it => it.split(',').filter(isState))
    .optional(),
  /** Of when they were or are to be sent. */
  from: moment,
  /** Before this moment. */
  to: moment,
  campaign: campaignSchema.optional(),
  /** In titles, bodies and campaigns. */
  text: z.string().trim().min(1).max(SEARCHED_CHARACTERS).optional(),
})
export const messageListSchema = z.object({
  messages: z.array(listedMessageSchema),
  /** To give as `after`; null on the last page. */
  next: z.string().nullable(),
})
export const acceptedMessageSchema = z.object({ id: z.string(), warnings: z.array(z.string()).optional() })
export const exceptionListSchema = z.object({ exceptions: z.array(exceptionSchema) })

export const dryRunQuerySchema = z.strictObject({
  exact: z
    .enum(['true', 'false'])
    .default('false')
    .describe('true counts all of a large audience, which may take as long as the base is large'),
})
