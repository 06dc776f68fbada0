/**
 * `@react-native-community/push-notification-ios` as a NativePush, for iOS.
 *
 * The library hears what the app's AppDelegate tells it (native/ios/AppDelegate+Roost.swift): tokens, pushes that come while the app is in
 * front, and taps, which it calls local notifications.
 * Source: its RNCPushNotificationIOS.m and js/index.js, 1.12.0.
 */
import type { NativeOpening, NativePush, Permission } from '../mobile/native-push.ts'
import { createTokenEvents } from '../mobile/token-events.ts'

/** What is used of a notification of the library. */
export interface ApplePush {
  /** What stands beside `aps`. */
  getData(): Record<string, unknown>
  getAlert(): string | { title?: string; subtitle?: string; body?: string }
  getTitle(): string
  getSubtitle(): string | undefined
  getActionIdentifier(): string | undefined
  finish(result: string): void
}

/** What is used of the library: its default export is one. */
export interface ApplePushLibrary {
  readonly FetchResult: { readonly NewData: string }
  addEventListener(type: 'notification' | 'localNotification', handler: (push: ApplePush) => void): void
  addEventListener(type: 'register', handler: (deviceToken: string) => void): void
  addEventListener(type: 'registrationError', handler: (error: { message: string }) => void): void
  removeEventListener(type: 'notification' | 'localNotification' | 'register' | 'registrationError'): void
  requestPermissions(): Promise<{ authorizationStatus?: number }>
  checkPermissions(callback: (permissions: { authorizationStatus?: number }) => void): void
  getInitialNotification(): Promise<ApplePush | null>
  removeAllDeliveredNotifications(): void
  setApplicationIconBadgeNumber(count: number): void
}

/** UNAuthorizationStatus, by number. */
const PERMISSIONS: readonly Permission[] = ['not_determined', 'denied', 'granted', 'provisional', 'ephemeral']
/** A tap on the notification itself, in Apple's words. */
const DEFAULT_ACTION = 'com.apple.UNNotificationDefaultActionIdentifier'
/** Swiped away: nothing was opened. */
const DISMISS_ACTION = 'com.apple.UNNotificationDismissActionIdentifier'

/** The library has one listener for each kind of event: these are taken. */
export function applePush(library: ApplePushLibrary): NativePush {
  const tokens = createTokenEvents()
  library.addEventListener('register', token => tokens.gotToken(token))
  library.addEventListener('registrationError', ({ message }) => tokens.gotError(new Error(message)))
  const permission = (): Promise<Permission> =>
    new Promise(resolve => library.checkPermissions(it => resolve(permissionOf(it))))
  return {
    platform: 'ios',
    token: async () => {
      const known = await permission()
      // Its only way to ask for a token asks the person, too, who was not asked yet or has decided for the quiet kind.
      if (known === 'not_determined' || known === 'provisional') return tokens.last
      return tokens.ask(() => library.requestPermissions())
    },
    onToken: tokens.onToken,
    permission,
    requestPermission: async () => permissionOf(await library.requestPermissions()),
    onPush: listener => {
      library.addEventListener('notification', push => {
        const done = () => push.finish(library.FetchResult.NewData)
        listener({ data: push.getData(), shown: wordsOf(push) }).then(done, done)
      })
      return () => library.removeEventListener('notification')
    },
    onOpening: listener => {
      library.addEventListener('localNotification', push => {
        if (push.getActionIdentifier() !== DISMISS_ACTION) void listener(openingOf(push))
      })
      return () => library.removeEventListener('localNotification')
    },
    launchedBy: async () => {
      const push = await library.getInitialNotification()
      return push === null ? undefined : openingOf(push)
    },
    clearShown: async () => library.removeAllDeliveredNotifications(),
    setBadge: async count => library.setApplicationIconBadgeNumber(count),
  }
}

function permissionOf({ authorizationStatus = 0 }: { readonly authorizationStatus?: number }): Permission {
  return PERMISSIONS[authorizationStatus] ?? 'not_determined'
}

function openingOf(push: ApplePush): NativeOpening {
  const action = push.getActionIdentifier()
  return {
    data: push.getData(),
    shown: wordsOf(push),
    action: action === DEFAULT_ACTION ? undefined : action,
  }
}

/** Of a push the alert is Apple's object, of a tap it is the text, with the title beside it. */
function wordsOf(push: ApplePush): NativeOpening['shown'] {
  const alert = push.getAlert() as ReturnType<ApplePush['getAlert']> | undefined
  if (typeof alert === 'object' && alert !== null)
    return { title: alert.title, subtitle: alert.subtitle, body: alert.body }
  return { title: push.getTitle(), subtitle: push.getSubtitle(), body: alert }
}
