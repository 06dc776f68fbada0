/**
 * Roost for Capacitor, over `@capacitor/push-notifications`, `@capacitor/preferences` and `@capacitor/app`. docs/mobile.md tells how to set it
 * up.
 */
export type { Call, CallState } from '../core/calls.ts'
export { RoostError, type RoostErrorCode } from '../core/error.ts'
export type { Inbox, InboxEntry, InboxPage } from '../core/inbox.ts'
export type { Presentation } from '../core/received.ts'
export type { Finding, SelfCheck, Verdict } from '../core/self-check.ts'
export * from '../mobile/index.ts'
export { type CapacitorApp, capacitorVisibility } from './app.ts'
export { nativePlugin, type RoostPlugin } from './native-plugin.ts'
export { type CapacitorPreferences, preferencesStorage } from './preferences.ts'
export {
  type CapacitorNotification,
  type CapacitorPushNotifications,
  type CapacitorPushOptions,
  capacitorPush,
  type ListenerHandle,
} from './push.ts'
