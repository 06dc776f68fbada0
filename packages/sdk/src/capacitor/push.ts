/**
 * `@capacitor/push-notifications` as a NativePush, for both platforms: on iOS its token is Apple's, on Android Google's.
 *
 * The library keeps tokens and taps until somebody listens, so nothing is lost before the first listener.
 * Source: its definitions, PushNotificationsPlugin.java and PushNotificationsHandler.swift, 8.1.2.
 */
import type {
  NativeOpening,
  NativePush,
  NativePushMessage,
  Permission,
  Unsubscribe,
} from '../mobile/native-push.ts'
import { createTokenEvents } from '../mobile/token-events.ts'

/** What is used of a notification of the library. */
export interface CapacitorNotification {
  readonly title?: string
  readonly subtitle?: string
  readonly body?: string
  readonly data?: unknown
}

export interface ListenerHandle {
  remove(): Promise<void>
}

/** What is used of the library: its `PushNotifications` is one. */
export interface CapacitorPushNotifications {
  register(): Promise<void>
  checkPermissions(): Promise<{ readonly receive: string }>
  requestPermissions(): Promise<{ readonly receive: string }>
  removeAllDeliveredNotifications(): Promise<void>
  addListener(event: 'registration', listener: (token: { value: string }) => void): Promise<ListenerHandle>
  addListener(
    event: 'registrationError',
    listener: (error: { error: string }) => void,
  ): Promise<ListenerHandle>
  addListener(
    event: 'pushNotificationReceived',
    listener: (notification: CapacitorNotification) => void,
  ): Promise<ListenerHandle>
  addListener(
    event: 'pushNotificationActionPerformed',
    listener: (performed: {
      readonly actionId: string
      readonly notification: CapacitorNotification
    }) => void,
  ): Promise<ListenerHandle>
}

export interface CapacitorPushOptions {
  /** What `Capacitor.getPlatform()` answers. */
  readonly platform: 'ios' | 'android'
  /** The library sets no badge; a plugin that does goes here. */
  readonly setBadge?: (count: number) => Promise<void>
}

export function capacitorPush(
  library: CapacitorPushNotifications,
  { platform, setBadge }: CapacitorPushOptions,
): NativePush {
  const tokens = createTokenEvents()
  void library.addListener('registration', ({ value }) => tokens.gotToken(value))
  void library.addListener('registrationError', ({ error }) => tokens.gotError(new Error(error)))
  return {
    platform,
    token: () => tokens.ask(() => library.register()),
    onToken: tokens.onToken,
    permission: async () => permissionOf(await library.checkPermissions()),
    requestPermission: async () => permissionOf(await library.requestPermissions()),
    onPush: listener =>
      remover(
        library.addListener('pushNotificationReceived', it => {
          void listener(messageOf(it, platform))
        }),
      ),
    onOpening: listener =>
      remover(
        library.addListener('pushNotificationActionPerformed', ({ actionId, notification }) => {
          if (actionId !== 'dismiss') void listener(openingOf(notification, actionId, platform))
        }),
      ),
    launchedBy: async () => undefined, // it comes as an event
    clearShown: () => library.removeAllDeliveredNotifications(),
    ...(setBadge !== undefined && { setBadge }),
  }
}

/** `prompt` and `prompt-with-rationale`: not decided yet. */
function permissionOf({ receive }: { readonly receive: string }): Permission {
  return receive === 'granted' || receive === 'denied' ? receive : 'not_determined'
}

function remover(adding: Promise<ListenerHandle>): Unsubscribe {
  return () => void adding.then(it => it.remove())
}

/** On Android words stand beside the data only where the sender used Google's own, which the system shows. */
function messageOf(
  { title, subtitle, body, data }: CapacitorNotification,
  platform: 'ios' | 'android',
): NativePushMessage {
  const fields = typeof data === 'object' && data !== null ? (data as Record<string, unknown>) : {}
  const isShown = platform === 'ios' || title !== undefined || body !== undefined
  return { data: fields, shown: isShown ? { title, subtitle, body } : undefined }
}

function openingOf(
  notification: CapacitorNotification,
  actionId: string,
  platform: 'ios' | 'android',
): NativeOpening {
  const message = messageOf(notification, platform)
  const { roost_action: button } = message.data // of the messaging service's buttons (native/android)
  const action = typeof button === 'string' ? button : actionId
  return { ...message, action: action === 'tap' ? undefined : action }
}
