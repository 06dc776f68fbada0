/**
 * Roost for React Native, over the libraries that apps have already: `@react-native-firebase/messaging` on Android,
 * `@react-native-community/push-notification-ios` on iOS. docs/mobile.md tells how to set it up.
 */
export type { Call, CallState } from '../core/calls.ts'
export { RoostError, type RoostErrorCode } from '../core/error.ts'
export type { Inbox, InboxEntry, InboxPage } from '../core/inbox.ts'
export type { Presentation } from '../core/received.ts'
export type { Finding, SelfCheck, Verdict } from '../core/self-check.ts'
export * from '../mobile/index.ts'
export { appStateVisibility, type ReactNativeAppState } from './app-state.ts'
export { type ApplePush, type ApplePushLibrary, applePush } from './apple.ts'
export {
  type AndroidPermissions,
  type FirebaseMessage,
  type FirebaseMessagingModule,
  type FirebasePushOptions,
  firebasePush,
  type Links,
} from './firebase.ts'
export { nativeModule, type RoostNativeModule } from './native-module.ts'
export { type VoipPushLibrary, voipTokens } from './voip.ts'
