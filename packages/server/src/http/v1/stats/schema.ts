import { z } from 'zod'

const count = z.int()

export const deviceStatsSchema = z.object({
  asOf: z.string(),
  devices: count,
  /** Devices with an address that is sent to, and not inactive. */
  reachable: count,
  /** Devices with such an address that have not called in for long (R15; `inactiveDays` of …/address-policy). */
  inactive: count,
  byPlatform: z.array(
    z.object({
      platform: z.string(),
      devices: count,
      active: count,
      suspect: count,
      dead: count,
      superseded: count,
      moved: count,
      quarantined: count,
      unregistered: count,
      none: count,
    }),
  ),
})
