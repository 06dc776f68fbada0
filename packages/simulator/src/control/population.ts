/** How many phones of which kind, and what their people are like; in requests and in scenario files. */
import type { CrowdResult } from '../phones/crowd.ts'
import type { RoostAccess } from '../phones/device-api.ts'
import type { Phone } from '../phones/phone.ts'
import { count, duration, InputError, object, optional, share, text, type Values } from './fields.ts'
import type { Habits, People } from './people.ts'

const NUMBERS = {
  ios: optional(count()),
  android: optional(count()),
  web: optional(count()),
  hms: optional(count()),
}

export const POPULATION = {
  ...NUMBERS,
  seed: optional(count()),
  /** Of those installed now: removed right after they have registered. */
  uninstalled: optional(share()),
  openRate: optional(share()),
  receipts: optional(
    object({
      lossRate: optional(share()),
      perSecond: optional(count(1)),
      retries: optional(count()),
      retryAfterMs: optional(duration()),
    }),
  ),
  server: optional(text('the base URL of a Roost')),
  app: optional(text("an app's code")),
  deviceToken: optional(text("that app's device token")),
}

export interface Populated extends CrowdResult {
  readonly installed: number
  readonly uninstalled: number
}

/** Installs, opens and uninstalls as it was said. */
export async function populate(
  people: People,
  values: Values<typeof POPULATION> & { readonly opens?: boolean },
): Promise<Populated> {
  const { opens = true, uninstalled = 0 } = values
  const phones = await people.install(values, habitsOf(values))
  const result = opens ? await people.open(phones) : { done: 0, failed: 0 }
  const gone = uninstalled === 0 ? [] : chooseOf(people, phones, uninstalled)
  for (const phone of gone) phone.uninstall()
  return { installed: phones.length, uninstalled: gone.length, ...result }
}

/** Throws InputError where a part of the server is named only. */
export function habitsOf(values: Values<typeof POPULATION>): Habits {
  const { seed, openRate, receipts } = values
  const roost = accessOf(values)
  return {
    ...(seed !== undefined && { seed }),
    ...(openRate !== undefined && { openRate }),
    ...(receipts !== undefined && { receipts }),
    ...(roost !== undefined && { roost }),
  }
}

function accessOf({ server, app, deviceToken }: Values<typeof POPULATION>): RoostAccess | undefined {
  if (server === undefined && app === undefined && deviceToken === undefined) return undefined
  if (server === undefined || app === undefined || deviceToken === undefined)
    throw new InputError('server', 'server, app and deviceToken belong together', 'Name all three, or none.')
  return { baseUrl: server, app, deviceToken }
}

function chooseOf(people: People, phones: readonly Phone[], part: number): Phone[] {
  return people.crowd.choose({ numbers: phones.map(({ number }) => number), share: part })
}
