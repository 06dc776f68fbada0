/** `react-native-voip-push-notification` on a fake iPhone, with its published types: its system answers in a later turn. */
import type VoipPushNotification from 'react-native-voip-push-notification'

type Library = Pick<typeof VoipPushNotification, 'addEventListener' | 'registerVoipToken'>

/** `isEarly`: PushKit gave the token before JavaScript listened, and the library has kept it. */
export function fakeVoip(token: string, { isEarly }: { readonly isEarly: boolean }): Library {
  const handlers = new Map<string, (value: never) => void>()
  const emit = (type: string, value: unknown) => handlers.get(type)?.(value as never)
  const events = [{ name: 'RNVoipPushRemoteNotificationsRegisteredEvent', data: token }]
  return {
    addEventListener: (type, handler) => void handlers.set(type, handler),
    registerVoipToken: () =>
      setImmediate(() => (isEarly ? emit('didLoadWithEvents', events) : emit('register', token))),
  }
}
