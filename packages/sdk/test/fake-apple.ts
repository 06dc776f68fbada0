/** `@react-native-community/push-notification-ios` on a fake iPhone, with its published types. It behaves as its sources do, 1.12.0. */
import type {
  PushNotification,
  PushNotificationIOSStatic,
  PushNotificationPermissions,
} from '@react-native-community/push-notification-ios'
import type { AcceptedPush } from '@roost/simulator'
import type { FakePhone } from './fake-phone.ts'

export type FakeApple = Pick<
  PushNotificationIOSStatic,
  | 'FetchResult'
  | 'addEventListener'
  | 'removeEventListener'
  | 'requestPermissions'
  | 'checkPermissions'
  | 'getInitialNotification'
  | 'setApplicationIconBadgeNumber'
  | 'removeAllDeliveredNotifications'
>

export interface FakeIphone {
  readonly library: FakeApple
  /** Fetch results that the app has given back. */
  readonly finished: readonly string[]
  /** The person taps a notification. */
  tap(push: AcceptedPush, actionIdentifier?: string): void
}

type Handler = (value: never) => void

export function fakeApple(phone: FakePhone): FakeIphone {
  const handlers = new Map<string, Handler>()
  const finished: string[] = []
  const emit = (type: string, value: unknown) => handlers.get(type)?.(value as never)
  const status = (): PushNotificationPermissions => ({
    authorizationStatus: phone.isPermitted === undefined ? 0 : phone.isPermitted ? 2 : 1,
  })
  phone.onPush = push => {
    // Behind, iOS wakes the app only for what says so.
    const isBackground = apsOf(push)['content-available'] === 1
    if (phone.isInFront || isBackground) emit('notification', remoteOf(push, finished))
  }
  phone.onToken = token => emit('register', token)
  const register = () => {
    try {
      emit('register', phone.token())
    } catch (error) {
      emit('registrationError', { message: (error as Error).message, code: 3000, details: {} })
    }
  }
  return {
    library: {
      FetchResult: {
        NewData: 'UIBackgroundFetchResultNewData',
        NoData: 'UIBackgroundFetchResultNoData',
        ResultFailed: 'UIBackgroundFetchResultFailed',
      },
      addEventListener: (type: string, handler: Handler) => void handlers.set(type, handler),
      removeEventListener: type => void handlers.delete(type),
      requestPermissions: async () => {
        phone.askPerson()
        queueMicrotask(register) // iOS answers later, by a delegate
        return status()
      },
      checkPermissions: callback => callback(status()),
      getInitialNotification: async () => null,
      removeAllDeliveredNotifications: () => {
        phone.clear()
      },
      setApplicationIconBadgeNumber: count => {
        phone.badge = count
      },
    },
    finished,
    tap: (push, actionIdentifier = 'com.apple.UNNotificationDefaultActionIdentifier') =>
      emit('localNotification', tappedOf(push, actionIdentifier)),
  }
}

const apsOf = ({ payload }: AcceptedPush) => (payload?.aps ?? {}) as Record<string, unknown>

function remoteOf(push: AcceptedPush, finished: string[]): PushNotification {
  const { aps: _, ...data } = push.payload ?? {}
  const { alert } = apsOf(push)
  return {
    ...BLANK,
    getAlert: () => alert as string,
    getData: () => data,
    finish: result => void finished.push(result),
  }
}

/** Of a tap the library hears as of a local notification: the words stand beside each other, and the data has all of the payload. */
function tappedOf(push: AcceptedPush, actionIdentifier: string): PushNotification {
  const alert = (apsOf(push).alert ?? {}) as { readonly title?: string; readonly body?: string }
  return {
    ...BLANK,
    getAlert: () => alert.body ?? '',
    getTitle: () => alert.title ?? '',
    getData: () => ({ ...push.payload, userInteraction: 1, actionIdentifier }),
    getActionIdentifier: () => actionIdentifier,
  }
}

const BLANK: PushNotification = {
  getMessage: () => '',
  getSound: () => '',
  getCategory: () => '',
  getAlert: () => '',
  getTitle: () => '',
  getSubtitle: () => undefined,
  getContentAvailable: () => 0,
  getBadgeCount: () => 0,
  getData: () => ({}),
  getActionIdentifier: () => undefined,
  getUserText: () => undefined,
  finish: () => undefined,
}
