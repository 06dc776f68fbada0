/**
 * What is going on in an app, as server-sent events: a whole picture first, then what has changed in it, at most once a second. Whoever
 * connects again gets a picture again, so nothing is lost in between. docs/console-api.md tells how to use it.
 */
import { z } from 'zod'
import { ALERT_KINDS } from './alert.ts'
import { messageSummarySchema } from './message.ts'

/** As in the list of messages. In the picture are the newest 20 of the app, and the newest 50 that are on their way or to come. */
export const liveMessageSchema = messageSummarySchema
export type LiveMessage = z.infer<typeof liveMessageSchema>

/** One that is open. `gone`: it was closed. */
export const liveAlertSchema = z.object({ id: z.string(), kind: z.enum(ALERT_KINDS), openedAt: z.string() })
export type LiveAlert = z.infer<typeof liveAlertSchema>

/** The last run of a background job; jobs work for all apps. */
export const liveJobSchema = z.object({
  name: z.string(),
  startedAt: z.string(),
  /** Null while it runs, and when its process died. */
  finishedAt: z.string().nullable(),
  outcome: z.enum(['done', 'failed']).nullable(),
})
export type LiveJob = z.infer<typeof liveJobSchema>

export const liveCredentialSchema = z.object({
  id: z.string(),
  gateway: z.string(),
  kind: z.string(),
  status: z.enum(['active', 'paused']),
  /** Codes of what is wrong with it. */
  problems: z.array(z.string()),
  version: z.int(),
  expiresAt: z.string().nullable(),
  checkedAt: z.string().nullable(),
})
export type LiveCredential = z.infer<typeof liveCredentialSchema>

export const liveDevicesSchema = z.object({
  devices: z.int(),
  /** Of these: they have an address that is sent to. */
  reachable: z.int(),
  /** 0: all were counted. Else it is of the same part of the base each time, so what changes has changed. */
  errorPercent: z.number(),
})
export type LiveDevices = z.infer<typeof liveDevicesSchema>

/** `segment`: a nightly one is computed. `undo`: removals are taken back. `bulk`: a call with thousands of devices. */
export const LIVE_WORKS = ['import', 'export', 'segment', 'bulk', 'undo'] as const

/** What is under way in the background. `gone`: it has ended, one way or the other; read it to know. */
export const liveWorkSchema = z.object({
  /** Of a `segment` that of the segment. */
  id: z.string(),
  work: z.enum(LIVE_WORKS),
  startedAt: z.string(),
  /** 0 to 1; null where it is not known how much there is, as of an import. */
  progress: z.number().nullable(),
  /** Devices, or rows of an import, so far. */
  done: z.int(),
})
export type LiveWork = z.infer<typeof liveWorkSchema>

/** The server can't look: what was told is as old as this. `gone`: it can again. */
export const liveTroubleSchema = z.object({ since: z.string() })
export type LiveTrouble = z.infer<typeof liveTroubleSchema>

export const LIVE_KINDS = ['message', 'alert', 'job', 'credential', 'devices', 'work', 'trouble'] as const
export type LiveKind = (typeof LIVE_KINDS)[number]

/** It is in the picture no more. `id`: of a job its name, of `devices` and `trouble` ''. */
export const liveGoneSchema = z.object({ kind: z.enum(LIVE_KINDS), id: z.string() })
export type LiveGone = z.infer<typeof liveGoneSchema>

export const livePictureSchema = z.object({
  /** The newest first. */
  messages: z.array(liveMessageSchema),
  alerts: z.array(liveAlertSchema),
  jobs: z.array(liveJobSchema),
  credentials: z.array(liveCredentialSchema),
  /** Null until it was counted. */
  devices: liveDevicesSchema.nullable(),
  works: z.array(liveWorkSchema),
  trouble: liveTroubleSchema.nullable(),
})
export type LivePicture = z.infer<typeof livePictureSchema>

/** By the name of the event; the data is JSON. Comments come in between, so that proxies keep the connection. */
export interface LiveEvents {
  /** The first one. */
  readonly picture: LivePicture
  readonly message: LiveMessage
  readonly alert: LiveAlert
  readonly job: LiveJob
  readonly credential: LiveCredential
  readonly devices: LiveDevices
  readonly work: LiveWork
  readonly trouble: LiveTrouble
  readonly gone: LiveGone
}
