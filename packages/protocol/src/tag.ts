/** Tags: seven types, the names that the server keeps itself, and definitions that give a name its type. */
import { z } from 'zod'
import { TAG_NAME_CHARACTERS } from './limits.ts'

/** In the order of their numbers in the compatible protocol, from 1 on. */
export const TAG_TYPES = ['integer', 'string', 'list', 'date', 'boolean', 'decimal', 'version'] as const
export type TagType = (typeof TAG_TYPES)[number]

/** The server sets these from what devices report and do; calls that set them are skipped. */
export const DEFAULT_TAGS = [
  'Last Application Open',
  'First Install',
  'Language',
  'Application Version',
  'Device Model',
  'OS Version',
  'Country',
  'Timezone',
  'Push Alerts Enabled',
] as const
export type DefaultTag = (typeof DEFAULT_TAGS)[number]

export const tagNameSchema = z.string().min(1).max(TAG_NAME_CHARACTERS)

export const tagDefinitionSchema = z.object({
  name: z.string(),
  type: z.enum(TAG_TYPES),
  /** Kept by the server; it can be neither set nor removed. */
  isDefault: z.boolean(),
})
export type TagDefinition = z.infer<typeof tagDefinitionSchema>
