import { LOOK_UP_BY, USER_ID_CHARACTERS } from '@roost/protocol'
import { z } from 'zod'

/** A whole subscription's endpoint is the longest of what is looked up. */
const TEXT_CHARACTERS = 4096

export const lookUpQuerySchema = z.strictObject({
  text: z
    .string()
    .trim()
    .min(1)
    .max(TEXT_CHARACTERS)
    .describe(
      'A hwid, a user id (or the beginning of one, 4 characters at least), a push token (or its last 6 to 32 characters)',
    ),
  by: z
    .enum(LOOK_UP_BY)
    .default('any')
    .describe(
      'What the text is. any = all of them, the parts (hwid_beginning, user_beginning, token_end) only where it is nobody’s whole name',
    ),
  limit: z.coerce.number().int().min(1).max(200).default(20),
  after: z.literal('').optional().describe('There is one page'),
})

export const reportedTokensParamsSchema = z.object({
  app: z.string(),
  user: z.string().min(1).max(USER_ID_CHARACTERS),
})
export const reportedTokensQuerySchema = z.strictObject({
  day: z.string().describe('A day like 2026-11-22, in the time zone of the app'),
})

export const timeLineQuerySchema = z.strictObject({
  limit: z.coerce.number().int().min(1).max(200).default(50),
  /** `next` of the page before. */
  after: z.string().max(2048).default(''),
})
