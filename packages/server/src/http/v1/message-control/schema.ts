import { HWID_CHARACTERS } from '@roost/protocol'
import { z } from 'zod'

export const traceQuerySchema = z.strictObject({ hwid: z.string().min(1).max(HWID_CHARACTERS) })
