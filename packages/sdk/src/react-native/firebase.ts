/**
 * `@react-native-firebase/messaging` as a NativePush, for Android.
 *
 * Not for iOS: there the library passes on only what Google has sent (it looks for `gcm.message_id`), and Roost speaks to Apple itself.
 * Source: its RNFBMessaging+UNUserNotificationCenter.m and ReactNativeFirebaseMessagingReceiver.java, 26.4.0.
 */
import type { NativeOpening, NativePush, NativePushMessage, Permission } from '../mobile/native-push.ts'
import { openingIn } from '../mobile/opening-url.ts'

/** What is used of its `RemoteMessage`. */
export interface FirebaseMessage {
  readonly data?: Readonly<Record<string, string | object>>
  readonly notification?: { readonly title?: string; readonly body?: string }
}

/** What is used of the library: `import * as messaging from '@react-native-firebase/messaging'` is one. */
export interface FirebaseMessagingModule<Messaging> {
  getMessaging(): Messaging
  getToken(messaging: Messaging): Promise<string>
  onTokenRefresh(messaging: Messaging, listener: (token: string) => unknown): () => void
  onMessage(messaging: Messaging, listener: (message: FirebaseMessage) => unknown): () => void
  setBackgroundMessageHandler(
    messaging: Messaging,
    handler: (message: FirebaseMessage) => Promise<unknown>,
  ): void
  onNotificationOpenedApp(messaging: Messaging, listener: (message: FirebaseMessage) => unknown): () => void
  getInitialNotification(messaging: Messaging): Promise<FirebaseMessage | null>
  /** 1: notifications may be shown. */
  hasPermission(messaging: Messaging): Promise<number>
}

/** React Native's `PermissionsAndroid`. */
export interface AndroidPermissions {
  request(permission: 'android.permission.POST_NOTIFICATIONS'): Promise<string>
}

/** React Native's `Linking`: taps on what the messaging service has shown come as an URL. */
export interface Links {
  getInitialURL(): Promise<string | null>
  addEventListener(type: 'url', listener: (event: { url: string }) => void): { remove(): void }
}

export interface FirebasePushOptions {
  readonly permissions: AndroidPermissions
  readonly links: Links
}

const IS_PERMITTED = 1

/** Make it while the app's first module is read: a push may start the app behind, and ask for its handler before anything is rendered. */
export function firebasePush<Messaging>(
  library: FirebaseMessagingModule<Messaging>,
  { permissions, links }: FirebasePushOptions,
): NativePush {
  const messaging = library.getMessaging()
  const permission = async (): Promise<Permission> =>
    (await library.hasPermission(messaging)) === IS_PERMITTED ? 'granted' : 'denied'
  return {
    platform: 'android',
    token: () => library.getToken(messaging),
    onToken: listener => library.onTokenRefresh(messaging, listener),
    permission,
    requestPermission: async () => {
      // Before Android 13 there is nothing to ask, and it answers at once; what counts is what is so then.
      await permissions.request('android.permission.POST_NOTIFICATIONS')
      return permission()
    },
    onPush: listener => {
      // Behind: one handler for the life of the process, which can't be taken away.
      library.setBackgroundMessageHandler(messaging, message => listener(messageOf(message)))
      return library.onMessage(messaging, message => listener(messageOf(message)))
    },
    onOpening: listener => {
      const opened = library.onNotificationOpenedApp(messaging, message => listener(openingOf(message)))
      const linked = links.addEventListener('url', ({ url }) => {
        const opening = openingIn(url)
        if (opening !== undefined) void listener(opening)
      })
      return () => {
        opened()
        linked.remove()
      }
    },
    launchedBy: async () => {
      const opening = openingIn((await links.getInitialURL()) ?? '')
      if (opening !== undefined) return opening
      const message = await library.getInitialNotification(messaging)
      return message === null ? undefined : openingOf(message)
    },
  }
}

/** Only a message that was sent with words of Google's own is shown by the system. */
function messageOf({ data = {}, notification }: FirebaseMessage): NativePushMessage {
  if (notification === undefined) return { data, shown: undefined }
  return { data, shown: { title: notification.title, subtitle: undefined, body: notification.body } }
}

function openingOf(message: FirebaseMessage): NativeOpening {
  return { ...messageOf(message), action: undefined }
}
