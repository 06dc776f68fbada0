/** The inbox: messages that stay readable on a device until a date, whether or not they could be shown as a push. */
import { z } from 'zod'

export const newInboxSchema = z.strictObject({
  /** Kept until then; default 30 days from sending on, at most a year. */
  until: z.iso.datetime({ offset: true }).optional(),
  /** True: it is put into inboxes, and no push is sent. Default false. */
  only: z.boolean().optional(),
})
export type NewInbox = z.infer<typeof newInboxSchema>

/** What a person did with it, each including those before it. */
export const INBOX_STATES = ['new', 'delivered', 'read', 'opened', 'deleted'] as const
export type InboxState = (typeof INBOX_STATES)[number]

export const inboxEntrySchema = z.object({
  /** Of the message. */
  id: z.string(),
  state: z.enum(INBOX_STATES),
  sentAt: z.string(),
  until: z.string(),
  title: z.string().nullable(),
  body: z.string().nullable(),
  image: z.string().nullable(),
  url: z.string().nullable(),
  data: z.record(z.string(), z.unknown()).nullable(),
})
export type InboxEntryView = z.infer<typeof inboxEntrySchema>

export const inboxSchema = z.object({
  /** Newest first. */
  entries: z.array(inboxEntrySchema),
  /** Of the whole inbox: those that are `new` or `delivered`. */
  unread: z.int(),
  /** To ask for the page after this one; null = this was the last. */
  next: z.string().nullable(),
})
export type InboxView = z.infer<typeof inboxSchema>

export const inboxPatchSchema = z.strictObject({ state: z.enum(['delivered', 'read', 'opened', 'deleted']) })
