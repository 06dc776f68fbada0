import { USER_ID_CHARACTERS } from '@roost/protocol'
import { z } from 'zod'
import { deviceParamsSchema } from '../devices/schema.ts'

export const inboxEntryParamsSchema = deviceParamsSchema.extend({ id: z.uuid() })

export const inboxQuerySchema = z.strictObject({
  /** 0: only the unread count. */
  limit: z.coerce.number().int().min(0).max(500).default(50),
  /** `next` of the page before. */
  after: z
    .string()
    .regex(/^\d{1,15}$/, '`next` of the page before')
    .optional(),
  /** Whom the app believes to be logged in; absent, empty or the hwid: unsaid. Entries of another user than that are not given. */
  userId: z.string().max(USER_ID_CHARACTERS).optional(),
})
