import {
  ADDRESS_STATES,
  addressSchema,
  deviceSummarySchema,
  HWID_CHARACTERS,
  hwidSchema,
  ledgerEntrySchema,
  PLATFORMS,
  searchedSchema,
} from '@roost/protocol'
import { z } from 'zod'
import { TOKEN_END_CHARACTERS_MIN } from '../../../registry/token-holders.ts'

export const deviceParamsSchema = z.object({ app: z.string(), hwid: z.string().min(1).max(HWID_CHARACTERS) })
/** Of a device that may come to be. */
export const newDeviceParamsSchema = deviceParamsSchema.extend({ hwid: hwidSchema })

const TOKEN_CHARACTERS_MAX = 4096
/** It holds a hwid, of up to four bytes a character, in base64. */
const AFTER_CHARACTERS_MAX = 6 * HWID_CHARACTERS

export const deviceQuerySchema = z.strictObject({
  limit: z.coerce.number().int().min(1).max(1000).default(50),
  search: z
    .string()
    .max(256)
    .default('')
    .describe('A part of the hwid or of the user id, wherever it stands, in any case; no wildcards'),
  token: z
    .string()
    .trim()
    .min(TOKEN_END_CHARACTERS_MIN)
    .max(TOKEN_CHARACTERS_MAX)
    .optional()
    .describe(
      'A push token, to find who has it or had it last: the whole, or of at most 32 characters its end. Only without ' +
        'search and state. The answer has the address of each device then',
    ),
  state: z
    .enum([...ADDRESS_STATES, 'unregistered', 'none', ''])
    .default('')
    .describe('Only devices whose newest address is in this state; none = never had one, empty = all'),
  platform: z
    .enum([...PLATFORMS, 'other', ''])
    .default('')
    .describe('Only devices of this platform; other = those that have not told theirs, empty = all'),
  after: z.string().max(AFTER_CHARACTERS_MAX).default('').describe('`next` of the page before'),
})

export const deviceListSchema = z.object({
  devices: z.array(deviceSummarySchema.extend({ address: addressSchema.optional() })),
  ...searchedSchema.shape,
})
export const ledgerSchema = z.object({ entries: z.array(ledgerEntrySchema) })

export const mismatchQuerySchema = z.strictObject({
  limit: z.coerce.number().int().min(1).max(1000).default(50),
  /** `next` of the page before. */
  after: z.string().max(1024).default(''),
})

export const mismatchListSchema = z.object({
  devices: z.array(
    z.object({
      hwid: z.string(),
      /** The environment that the device reported. */
      from: z.string(),
      /** The one in which its token was accepted; null when in neither. */
      to: z.string().nullable(),
      state: z.enum(['corrected', 'quarantined']),
      at: z.string(),
      addressEnd: z.string(),
      appVersion: z.string().nullable(),
    }),
  ),
  next: z.string().nullable(),
})
