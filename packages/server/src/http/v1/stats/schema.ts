import { z } from 'zod'

const count = z.int()

export const deviceStatsSchema = z.object({
  asOf: z.string(),
  devices: count,
  /** Devices with an address that is sent to, and not dormant. */
  reachable: count,
  /** Devices with such an address of which nothing was heard for long (R15; `dormantDays` of …/address-policy). */
  dormant: count,
  /**
   * 0: all were counted. Else all numbers are estimates, and this is how far `devices` may be off either way, 95 of 100 times; another
   * number n may be by √(devices ÷ n) times as much of itself.
   */
  errorPercent: z.number().min(0),
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
