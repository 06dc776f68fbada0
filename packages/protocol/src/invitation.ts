/** Invitations: how a phone becomes a test device by a code that it scans, step by step. */
import { z } from 'zod'
import { OWN_WORDS } from './field-fault.ts'
import { HWID_CHARACTERS } from './limits.ts'
import { pushTestResultSchema, testNotificationSchema } from './push-test.ts'
import { selfCheckSchema } from './self-check.ts'

/** In their order. The first four are the phone's, the next ones the server's, the last two come as receipts. */
export const INVITATION_STEPS = [
  'scanned',
  'app_opened',
  'permission',
  'token',
  'upload',
  'credential',
  'accepted',
  'received',
  'opened',
] as const
export type InvitationStep = (typeof INVITATION_STEPS)[number]

/** `open`: waits for its phone. `taken`: a phone goes through it. `done`: opened. `over`: its time is. */
export const INVITATION_STATES = ['open', 'taken', 'done', 'over'] as const

export const stepSchema = z.object({
  step: z.enum(INVITATION_STEPS),
  state: z.enum(['waiting', 'done', 'failed']),
  at: z.string().nullable(),
  /** Why it failed, to test for. */
  reason: z.string().nullable(),
  /** The same, or what was found, in words. */
  detail: z.string().nullable(),
  /** What to do about it. */
  remedy: z.string().nullable(),
})
export type StepView = z.infer<typeof stepSchema>

const SCHEME = /^([a-z][a-z0-9+.-]*):/i
/** Of these a browser runs or reads what follows. */
const NO_PLACE = new Set(['javascript', 'data', 'vbscript', 'file', 'blob', 'about'])

export const newInvitationSchema = z.strictObject({
  /** Of the test device; by default what the phone says of itself. */
  name: z.string().trim().min(1).max(128).optional(),
  description: z.string().max(1024).optional(),
  /** Where the phone goes: a page of the site, or a link that the app opens. Default `roost-test://join`. */
  opens: z
    .string()
    .min(1)
    .max(2048)
    .refine(it => {
      const scheme = SCHEME.exec(it)?.[1]?.toLowerCase()
      return scheme !== undefined && !NO_PLACE.has(scheme) && !/\s/.test(it)
    }, OWN_WORDS.page_link)
    .optional(),
  /** Where phones reach this server; default: where this call did. */
  serverUrl: z
    .url({ protocol: /^https?$/ })
    .max(2048)
    .optional(),
  /** What is sent; default a greeting. */
  notification: testNotificationSchema.optional(),
})
export type NewInvitation = z.infer<typeof newInvitationSchema>

export const invitationSchema = z.object({
  id: z.string(),
  state: z.enum(INVITATION_STATES),
  name: z.string().nullable(),
  /** The phone that has taken it. */
  hwid: z.string().nullable(),
  createdAt: z.string(),
  expiresAt: z.string(),
  steps: z.array(stepSchema),
  /** The test push: what was sent, what the gateway answered, what it means. */
  result: pushTestResultSchema.nullable(),
  /** What the app on the phone has found when it looked at itself. */
  selfCheck: selfCheckSchema.nullable(),
})
export type InvitationView = z.infer<typeof invitationSchema>

/** `link` is told once: it has the code in it. `qr` is the same as an image (SVG) for cameras. */
export const madeInvitationSchema = invitationSchema.extend({ link: z.string(), qr: z.string() })
export type MadeInvitation = z.infer<typeof madeInvitationSchema>

const secret = z.string().min(1).max(64)

export const scanSchema = z.strictObject({
  code: secret,
  /** The same phone has scanned it before, and may have taken it. */
  isAgain: z.boolean().default(false),
})
export const scannedSchema = z.object({
  /** Name of the app. */
  app: z.string(),
  /** The link to go on with. */
  opens: z.string(),
})

export const takeSchema = z.strictObject({
  code: secret,
  application: z.string().max(64),
  hwid: z.string().min(1).max(HWID_CHARACTERS),
})
export const takenSchema = z.object({ ticket: z.string(), expiresAt: z.string() })

/** An endpoint of a subscription is the longest of them. */
const TOKEN_CHARACTERS = 4096

/** What a phone has to say of its steps; without an error it is done. */
export const REPORTED_STEPS = ['permission', 'token', 'upload'] as const
export const reportSchema = z.strictObject({
  ticket: secret,
  step: z.enum(REPORTED_STEPS),
  /** With `upload`: the push token that the phone has handed in (in browsers the endpoint). Who knows it is the phone of this hwid. */
  token: z.string().min(1).max(TOKEN_CHARACTERS).optional(),
  error: z
    .strictObject({ code: z.string().min(1).max(64), message: z.string().max(512).optional() })
    .optional(),
})
export type StepReport = z.infer<typeof reportSchema>
export const reportedSchema = z.object({ steps: z.array(stepSchema) })
