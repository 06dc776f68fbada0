/**
 * The JSON 1.3 device protocol: requests travel as `{"request":{…}}`, answers as
 * `{"status_code","status_message","response"}`. Clients take HTTP 200 *and* status_code 200 for success.
 * Numbers arrive as strings from some clients (iOS sends `timezone` so), so those are coerced.
 */
import { z } from 'zod'
import { HWID_CHARACTERS, USER_ID_CHARACTERS } from './limits.ts'

const text = (characters: number) =>
  z.preprocess(it => (typeof it === 'number' ? String(it) : it), z.string().max(characters)).nullish()

const base = {
  application: z.string().min(1).max(64),
  hwid: z.string().min(1).max(HWID_CHARACTERS),
  device_type: z.coerce.number().int().optional(),
  userId: z.string().max(USER_ID_CHARACTERS).nullish(),
  language: text(35),
  timezone: z.coerce.number().int().nullish(),
  app_version: text(64),
  os_version: text(64),
  device_model: text(128),
}

export const compatBaseSchema = z.object(base)
export type CompatBase = z.infer<typeof compatBaseSchema>

export const compatRegisterSchema = z.object({
  ...base,
  device_type: z.coerce.number().int(),
  push_token: z.string().max(4096).nullish(),
  gateway: z.string().max(32).nullish(),
  public_key: z.string().max(256).nullish(),
  auth_token: z.string().max(256).nullish(),
  /** Ours: the VAPID public key that a web subscription was made with. */
  application_server_key: z.string().max(256).nullish(),
  notificationTypes: z.coerce.number().int().nullish(),
  tags: z.record(z.string(), z.unknown()).nullish(),
})
export type CompatRegister = z.infer<typeof compatRegisterSchema>

export const compatSetTagsSchema = z.object({ ...base, tags: z.record(z.string(), z.unknown()) })
export const compatRegisterUserSchema = z.object({
  ...base,
  userId: z.string().min(1).max(USER_ID_CHARACTERS),
})
export const compatReceiptSchema = z.object({ ...base, hash: z.string().min(1).max(256) })

/** The numbers of `device_type` that this version serves. */
export const DEVICE_TYPES = {
  1: 'ios',
  3: 'android',
  7: 'macos',
  10: 'web',
  11: 'web',
  12: 'web',
  17: 'huawei',
} as const satisfies Record<number, string>

export interface CompatAnswer {
  readonly status_code: number
  readonly status_message: string
  readonly response: unknown
}
