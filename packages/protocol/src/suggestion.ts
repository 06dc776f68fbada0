/** What conditions can be made of: names that devices of an app have, and the values that most of them have. Read from a part of the base. */
import { z } from 'zod'
import { TAG_TYPES } from './tag.ts'

/** What values are suggested for; `channel`: of Android's, for messages. */
export const SUGGESTED_FIELDS = [
  'platform',
  'language',
  'country',
  'appVersion',
  'osVersion',
  'deviceModel',
  'timezoneSeconds',
  'permission',
  'channel',
] as const
export type SuggestedField = (typeof SUGGESTED_FIELDS)[number]

const share = {
  /** About how many have it. */
  devices: z.int(),
  /** Of those that were looked at, from 0 to 1. */
  share: z.number(),
}
const sample = z.object({
  /** So many devices were looked at. */
  devices: z.int(),
  /** They are all that there are. */
  isWhole: z.boolean(),
})

export const suggestedNamesSchema = z.object({
  /** The most frequent first. */
  tags: z.array(
    z.object({
      name: z.string(),
      /** As it is defined, or else what most of its values look like. */
      type: z.enum(TAG_TYPES),
      isDefined: z.boolean(),
      /** Kept by the server. */
      isDefault: z.boolean(),
      ...share,
    }),
  ),
  /** That devices have posted, the most frequent first. */
  events: z.array(z.object({ name: z.string(), ...share })),
  sample,
})
export type SuggestedNames = z.infer<typeof suggestedNamesSchema>

export const suggestedValuesSchema = z.object({
  /** The most frequent first; of a list, what is in it. */
  values: z.array(z.object({ value: z.union([z.string(), z.number(), z.boolean()]), ...share })),
  sample,
})
export type SuggestedValues = z.infer<typeof suggestedValuesSchema>
