/** Integration health: what the devices of an app run, and what that keeps them from. */
import { z } from 'zod'
import { ENVIRONMENTS } from './credential.ts'
import { PLATFORMS, PROVIDERS } from './device.ts'
import { coverageSchema } from './statistics.ts'

/** `push`: anything at all. `rich_push`: images and buttons. `receipts`: that a message came is told. */
export const FEATURES = ['push', 'rich_push', 'receipts'] as const
export type Feature = (typeof FEATURES)[number]

const VERSION = /^\d{1,9}(\.\d{1,9}){0,3}$/
export const featureVersionSchema = z.string().regex(VERSION, 'a version like 2.3 or 2.3.1')

const share = {
  /** About how many of the base. */
  devices: z.int(),
  /** Of those that are asked about, from 0 to 1. */
  share: z.number(),
  /** So far off may `share` be, up or down, in 95 of 100 samples; 0 when all were counted. */
  error: z.number(),
}

export const integrationSchema = z.object({
  asOf: z.string(),
  /** About how many devices the app has. */
  devices: z.int(),
  errorPercent: z.number(),
  /** Of how many of the 1024 buckets this is told, and how many devices were read. */
  sample: z.object({ buckets: z.int(), devices: z.int(), isExact: z.boolean() }),
  /** By what devices say of themselves; null = they say nothing. Most devices first, 100 at most. */
  versions: z.array(
    z.object({
      platform: z.enum(PLATFORMS).nullable(),
      sdkVersion: z.string().nullable(),
      extensionVersion: z.string().nullable(),
      ...share,
    }),
  ),
  features: z.array(
    z.object({
      feature: z.enum(FEATURES),
      /** Which version it goes by. */
      by: z.enum(['sdkVersion', 'extensionVersion']),
      platforms: z.array(z.enum(PLATFORMS)),
      /** The least version; null: any that says its version will do. */
      minimum: z.string().nullable(),
      /** Of the devices of these platforms: those that have it. */
      ...share,
      tooOld: z.int(),
      /** They tell no version. */
      silent: z.int(),
      remedy: z.string(),
    }),
  ),
  /** Of the addresses that are sent to. */
  environments: z.array(
    z.object({
      gateway: z.enum(PROVIDERS),
      environment: z.enum(ENVIRONMENTS).nullable(),
      addresses: z.int(),
      share: z.number(),
      error: z.number(),
    }),
  ),
  /** Why systems gave no token, most devices first, 50 at most. */
  registrationErrors: z.array(
    z.object({
      code: z.string(),
      /** Of one of them. */
      message: z.string().nullable(),
      ...share,
      newestAt: z.string(),
      remedy: z.string(),
    }),
  ),
  /** Of how many devices, by version, anything is heard of what a gateway took for them; as GET …/stats/coverage. */
  receipts: coverageSchema,
})
export type Integration = z.infer<typeof integrationSchema>

/** null: back to "any version". What is left out stays. */
export const integrationPatchSchema = z.strictObject({
  minimums: z.strictObject(
    Object.fromEntries(FEATURES.map(it => [it, featureVersionSchema.nullable().optional()])) as Record<
      Feature,
      z.ZodOptional<z.ZodNullable<z.ZodString>>
    >,
  ),
})
export type IntegrationPatch = z.infer<typeof integrationPatchSchema>
