/** Roost in a web page. The service worker is a file of its own: `roost-service-worker.js`. */
export { RoostError, type RoostErrorCode } from '../core/error.ts'
export type { Inbox, InboxEntry, InboxPage, InboxState } from '../core/inbox.ts'
export type { Finding, SelfCheck, Verdict } from '../core/self-check.ts'
export {
  createRoost,
  type Delivery,
  type Roost,
  type RoostOptions,
  type RoostStatus,
  type TagValue,
} from './roost.ts'
