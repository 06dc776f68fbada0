/** What the test page of `site.ts` offers to the tests that drive it. */
import type { Roost, RoostOptions } from '@roost/sdk/web'

declare global {
  interface Window {
    makeRoost(options: RoostOptions): Roost
  }
}
