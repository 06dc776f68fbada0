import { newImportSchema, TRANSFER_FORMATS } from '@roost/protocol'
import { z } from 'zod'
import { EXPORT_FORMATS } from '../../../transfer/csv.ts'

export const exportQuerySchema = z.strictObject({
  format: z.enum(EXPORT_FORMATS).default('ndjson'),
  /** `full`: whole tokens and keys; else only the last characters of the token. */
  tokens: z.enum(['full', 'masked']).default('masked'),
})

export const importParamsSchema = z.object({ app: z.string(), id: z.uuid() })

export const partQuerySchema = z.strictObject({
  /** The byte of the file at which the part begins: the `byteOffset` of the answer before. */
  offset: z.coerce.number().int().min(0),
  /** Whether the file ends with this part. */
  final: z.enum(['true', 'false']).default('false'),
})

const { mapping, format, platform, environment, asOf } = newImportSchema.shape
export const dryRunQuerySchema = z.strictObject({
  mapping,
  format,
  platform: platform.unwrap().unwrap().optional(),
  environment: environment.unwrap().unwrap().optional(),
  asOf,
  /** Whether the file ends with what is sent. */
  final: z.enum(['true', 'false']).default('true'),
})

export const refusalsQuerySchema = z.strictObject({ format: z.enum(TRANSFER_FORMATS).default('ndjson') })

export const erasuresQuerySchema = z.strictObject({
  /** Only the record of this hwid or user id. */
  name: z.string().min(1).max(256).optional(),
})
