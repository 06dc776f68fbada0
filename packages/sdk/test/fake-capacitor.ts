/** `@capacitor/push-notifications`, `preferences` and `app` on a fake phone, with their published types. */
import type { AppPlugin } from '@capacitor/app'
import type { PreferencesPlugin } from '@capacitor/preferences'
import type { PushNotificationSchema, PushNotificationsPlugin } from '@capacitor/push-notifications'
import type { AcceptedPush } from '@roost/simulator'
import type { FakePhone } from './fake-phone.ts'

export interface FakeCapacitor {
  readonly push: Pick<
    PushNotificationsPlugin,
    'register' | 'checkPermissions' | 'requestPermissions' | 'addListener' | 'removeAllDeliveredNotifications'
  >
  readonly preferences: Pick<PreferencesPlugin, 'get' | 'set' | 'remove'>
  readonly app: Pick<AppPlugin, 'getState' | 'addListener'>
  tap(push: AcceptedPush, actionId?: string): void
}

type Listener = (value: never) => void

export function fakeCapacitor(phone: FakePhone, platform: 'ios' | 'android'): FakeCapacitor {
  const listeners = new Map<string, Set<Listener>>()
  /** Events that the plugin keeps until somebody listens. */
  const retained = new Map<string, unknown[]>()
  const emit = (event: string, value: unknown) => {
    const heard = listeners.get(event)
    if (heard === undefined || heard.size === 0) retained.set(event, [...(retained.get(event) ?? []), value])
    else for (const it of heard) it(value as never)
  }
  const addListener = async (event: string, listener: Listener) => {
    const heard = listeners.get(event) ?? new Set()
    listeners.set(event, heard.add(listener))
    for (const it of retained.get(event) ?? []) listener(it as never)
    retained.delete(event)
    return { remove: async () => void heard.delete(listener) }
  }
  phone.onToken = value => emit('registration', { value })
  phone.onPush = push => {
    // iOS tells the plugin of what comes in front; on Android its service hears of all.
    if (platform === 'android' || phone.isInFront) emit('pushNotificationReceived', schemaOf(push, platform))
  }
  phone.visibilityListeners.add(isActive => emit('appStateChange', { isActive }))
  const permission = () => ({
    receive: phone.isPermitted === undefined ? 'prompt' : phone.isPermitted ? 'granted' : 'denied',
  })
  return {
    push: {
      register: async () => {
        try {
          const value = phone.token()
          queueMicrotask(() => emit('registration', { value }))
        } catch (error) {
          queueMicrotask(() => emit('registrationError', { error: (error as Error).message }))
        }
      },
      checkPermissions: async () =>
        permission() as Awaited<ReturnType<PushNotificationsPlugin['checkPermissions']>>,
      requestPermissions: async () => {
        phone.askPerson()
        return permission() as Awaited<ReturnType<PushNotificationsPlugin['requestPermissions']>>
      },
      removeAllDeliveredNotifications: async () => {
        phone.clear()
      },
      addListener: addListener as PushNotificationsPlugin['addListener'],
    },
    preferences: {
      get: async ({ key }) => ({ value: phone.kept.get(key) ?? null }),
      set: async ({ key, value }) => phone.keep(key, value),
      remove: async ({ key }) => void phone.kept.delete(key),
    },
    app: {
      getState: async () => ({ isActive: phone.isInFront }),
      addListener: addListener as AppPlugin['addListener'],
    },
    tap: (push, actionId = 'tap') =>
      emit('pushNotificationActionPerformed', { actionId, notification: schemaOf(push, platform) }),
  }
}

function schemaOf(
  { payload = {}, messageId }: AcceptedPush,
  platform: 'ios' | 'android',
): PushNotificationSchema {
  if (platform === 'android') return { id: messageId, data: payload }
  const { alert = {} } = (payload.aps ?? {}) as { readonly alert?: { title?: string; body?: string } }
  return { id: messageId, title: alert.title ?? '', subtitle: '', body: alert.body ?? '', data: payload }
}
