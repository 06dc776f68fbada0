/** How content would look and how large it would be, while it is written. Nothing is stored or sent. */
import { z } from 'zod'
import { contentSchema } from './content.ts'
import { PROVIDERS } from './device.ts'
import { ERRORS } from './errors.ts'
import { HWID_CHARACTERS } from './limits.ts'
import { targetSchema } from './message.ts'
import { remarkSchema } from './remark.ts'

export const PREVIEW_DEVICES_MAX = 20

export const newPreviewSchema = z.strictObject({
  content: contentSchema,
  /** To look at it with. By default, or with `to`: some of each gateway, found in a part of the base. */
  devices: z.array(z.string().min(1).max(HWID_CHARACTERS)).max(PREVIEW_DEVICES_MAX).optional(),
  /** Whom some devices are looked for among; default all. */
  to: targetSchema.optional(),
})
export type NewPreview = z.infer<typeof newPreviewSchema>

/** What a device gets to show. */
export const shownSchema = z.object({
  title: z.string().nullable(),
  subtitle: z.string().nullable(),
  body: z.string().nullable(),
  image: z.string().nullable(),
  icon: z.string().nullable(),
  url: z.string().nullable(),
  sound: z.string().nullable(),
  badge: z.int().nullable(),
  buttons: z.array(z.object({ title: z.string(), url: z.string().nullable() })),
})
export type Shown = z.infer<typeof shownSchema>

export const payloadSizeSchema = z.object({
  bytes: z.int(),
  limit: z.int(),
  /** How much smaller it would be without them; the largest first. */
  parts: z.array(z.object({ field: z.string(), bytes: z.int() })),
})
export type PayloadSize = z.infer<typeof payloadSizeSchema>

/** Why it would not be sent; null when it would. */
const reason = z.string().nullable()

export const previewSchema = z.object({
  /** At each gateway, in each of its languages. */
  gateways: z.array(
    z.object({
      gateway: z.enum(PROVIDERS),
      /** Null: all others. */
      language: z.string().nullable(),
      hasCredential: z.boolean(),
      /** It is another one for each device: what it is for some is in `devices`. */
      isPersonal: z.boolean(),
      shown: shownSchema.nullable(),
      size: payloadSizeSchema.nullable(),
      reason,
    }),
  ),
  devices: z.array(
    z.object({
      hwid: z.string(),
      gateway: z.enum(PROVIDERS),
      shown: shownSchema.nullable(),
      size: payloadSizeSchema.nullable(),
      reason,
    }),
  ),
  /** Whose URL is the same for all. */
  images: z.array(
    z.object({
      url: z.string(),
      /** Phones will not show it. */
      fault: z.string().nullable(),
      /** A part of the phones will not. */
      warning: z.string().nullable(),
      /** Of either, with its values apart. */
      remark: remarkSchema.nullable(),
    }),
  ),
  /** What a message of it would be refused for, as POST …/messages does. */
  problems: z.array(
    z.object({ code: z.enum(Object.keys(ERRORS)), detail: z.string(), remarks: z.array(remarkSchema) }),
  ),
  /** Named devices that get no push: they are unknown, or have no address that is sent to. */
  unreachable: z.array(z.string()),
})
export type Preview = z.infer<typeof previewSchema>
