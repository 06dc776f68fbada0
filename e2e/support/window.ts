/** What the test page of `site.ts` offers to the tests that drive it. */
import type { Call, LiveStatus, Roost, RoostOptions, RoostStatus } from '@roost/sdk/web'

declare global {
  interface Window {
    makeRoost(options: RoostOptions): Roost
    /** Starts one that is connected, and fills the next four. `rings`: it hears of calls. */
    startLive(options: RoostOptions & { readonly rings?: boolean }): Promise<RoostStatus>
    calls: Call[]
    /** Puts the widget of the inbox into the page, with two entries a page. */
    showInbox(options: RoostOptions): Promise<void>
    roost: Roost
    /** Titles of what `onMessage` was told of. */
    messages: string[]
    liveStatuses: LiveStatus[]
  }
}
