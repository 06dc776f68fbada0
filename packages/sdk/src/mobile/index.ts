/**
 * What the bridges have in common: the client for an app, and the interfaces that a bridge to another library implements.
 */
export type { KeyValueStorage } from './key-value-store.ts'
export type {
  AppVisibility,
  NativeOpening,
  NativePush,
  NativePushMessage,
  Permission,
  ShownBySystem,
  Unsubscribe,
} from './native-push.ts'
export type {
  DeviceDescription,
  MobileDelivery,
  MobileRoost,
  MobileRoostOptions,
  MobileStatus,
  MobileTagValue,
  Opening,
  SharedWithNative,
  VoipTokens,
} from './options.ts'
export type { Push, PushButton } from './push.ts'
export { createMobileRoost } from './roost.ts'
