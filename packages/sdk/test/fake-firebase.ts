/** `@react-native-firebase/messaging` on a fake Android phone: what the bridge may use of it, with its published types. */
import type * as library from '@react-native-firebase/messaging'
import type { AcceptedPush } from '@roost/simulator'
import type { AndroidPermissions, Links } from '../src/react-native/firebase.ts'
import type { FakePhone } from './fake-phone.ts'

type Message = library.RemoteMessage

export type FakeFirebase = Pick<
  typeof library,
  | 'getMessaging'
  | 'getToken'
  | 'onTokenRefresh'
  | 'onMessage'
  | 'setBackgroundMessageHandler'
  | 'onNotificationOpenedApp'
  | 'getInitialNotification'
  | 'hasPermission'
>

export interface FakeAndroid {
  readonly library: FakeFirebase
  readonly permissions: AndroidPermissions
  readonly links: Links
  /** The person taps what the messaging service has shown: the app gets an URL. */
  tap(data: Readonly<Record<string, unknown>>, action?: string): void
}

export function fakeFirebase(phone: FakePhone): FakeAndroid {
  const inFront = new Set<(message: Message) => unknown>()
  const linked = new Set<(event: { url: string }) => void>()
  let behind: ((message: Message) => Promise<unknown>) | undefined
  const messaging = {} as library.Messaging
  phone.onPush = push => {
    const message = messageOf(push)
    if (phone.isInFront) for (const it of inFront) it(message)
    else void behind?.(message)
  }
  return {
    library: {
      getMessaging: () => messaging,
      getToken: async () => phone.token(),
      onTokenRefresh: (_, listener) => {
        phone.onToken = listener
        return () => {
          phone.onToken = undefined
        }
      },
      onMessage: (_, listener) => {
        inFront.add(listener)
        return () => inFront.delete(listener)
      },
      setBackgroundMessageHandler: (_, handler) => {
        behind = handler
      },
      onNotificationOpenedApp: () => () => undefined,
      getInitialNotification: async () => null,
      hasPermission: async () => (phone.isPermitted ? 1 : 0),
    },
    permissions: { request: async () => (phone.askPerson() ? 'granted' : 'denied') },
    links: {
      getInitialURL: async () => phone.launchUrl ?? null,
      addEventListener: (_, listener) => {
        linked.add(listener)
        return { remove: () => linked.delete(listener) }
      },
    },
    tap: (data, action) => {
      for (const it of linked) it({ url: urlOf(data, action) })
    },
  }
}

/** As the messaging service makes it (native/android). */
export function urlOf(data: Readonly<Record<string, unknown>>, action = ''): string {
  return `roost://open?push=${encodeURIComponent(JSON.stringify(data))}&action=${encodeURIComponent(action)}`
}

function messageOf({ payload = {}, messageId }: AcceptedPush): Message {
  const { notification, ...data } = payload
  return {
    messageId,
    data: data as Record<string, string>,
    ...(notification !== undefined && { notification: notification as NonNullable<Message['notification']> }),
  }
}
