/** Roost in a web page. The service worker is a file of its own: `roost-service-worker.js`. */
export type { Call, CallState } from '../core/calls.ts'
export { RoostError, type RoostErrorCode } from '../core/error.ts'
export type { Inbox, InboxEntry, InboxPage, InboxState } from '../core/inbox.ts'
export type { LiveStatus } from '../core/live-options.ts'
export type { Presentation } from '../core/received.ts'
export type { Finding, SelfCheck, Verdict } from '../core/self-check.ts'
export type { InboxTexts, InboxWidget, InboxWidgetOptions } from './inbox-widget.ts'
export type {
  Delivery,
  Roost,
  RoostMessage,
  RoostOptions,
  RoostStatus,
  TagValue,
} from './options.ts'
export { createRoost } from './roost.ts'
