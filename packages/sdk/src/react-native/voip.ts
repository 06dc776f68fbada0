/**
 * `react-native-voip-push-notification` as tokens of PushKit. The calls themselves are taken by the app's AppDelegate, before JavaScript runs:
 * iOS ends an app that shows no call for such a push (native/ios/CallPushes.swift).
 */

import type { VoipTokens } from '../mobile/options.ts'
import { createTokenEvents } from '../mobile/token-events.ts'

/** What is used of the library: its default export is one. */
export interface VoipPushLibrary {
  addEventListener(type: 'register', handler: (token: string) => void): void
  registerVoipToken(): void
}

export function voipTokens(library: VoipPushLibrary): VoipTokens {
  const tokens = createTokenEvents()
  library.addEventListener('register', token => tokens.gotToken(token))
  library.registerVoipToken()
  return {
    get token() {
      return tokens.last
    },
    onToken: tokens.onToken,
  }
}
