import { credentialSchema } from '@roost/protocol'
import { z } from 'zod'

export const credentialListSchema = z.object({ credentials: z.array(credentialSchema) })
export const credentialParamsSchema = z.object({ app: z.string(), id: z.uuid() })
