/**
 * `react-native-voip-push-notification` as tokens of PushKit. The calls themselves are taken by the app's AppDelegate, before JavaScript runs:
 * iOS ends an app that shows no call for such a push (native/ios/CallPushes.swift).
 * Source: its index.js and index.d.ts, 3.3.3.
 */
import type { VoipTokens } from '../mobile/options.ts'
import { createTokenEvents } from '../mobile/token-events.ts'

/** What is used of the library: its default export is one. */
export interface VoipPushLibrary {
  addEventListener(type: 'register', handler: (token: string) => void): void
  /** What happened before JavaScript listened. */
  addEventListener(
    type: 'didLoadWithEvents',
    handler: (events: readonly { readonly name: string; readonly data: unknown }[]) => void,
  ): void
  registerVoipToken(): void
}

const REGISTERED = 'RNVoipPushRemoteNotificationsRegisteredEvent'

/** The library has one listener for each kind of event: `register` and `didLoadWithEvents` are taken. */
export function voipTokens(library: VoipPushLibrary): VoipTokens {
  const tokens = createTokenEvents()
  const got = (token: unknown) => {
    if (typeof token === 'string' && token !== '') tokens.gotToken(token)
  }
  library.addEventListener('register', got)
  library.addEventListener('didLoadWithEvents', events => {
    for (const { name, data } of events) if (name === REGISTERED) got(data)
  })
  library.registerVoipToken()
  return {
    get token() {
      return tokens.last
    },
    onToken: tokens.onToken,
  }
}
