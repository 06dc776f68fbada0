/**
 * React Native's `AppState` as the visibility of the app. iOS passes through `inactive` whenever something lies over the app for a moment
 * (Control Center, a call that comes in): the app is still in front then.
 */
import type { AppVisibility } from '../mobile/native-push.ts'

export interface ReactNativeAppState {
  readonly currentState: string | null
  addEventListener(type: 'change', listener: (state: string) => void): { remove(): void }
}

export function appStateVisibility(appState: ReactNativeAppState): AppVisibility {
  return {
    isInFront: async () => isInFront(appState.currentState),
    onChange: listener => {
      const subscription = appState.addEventListener('change', state => listener(isInFront(state)))
      return () => subscription.remove()
    },
  }
}

function isInFront(state: string | null): boolean {
  return state === 'active' || state === 'inactive'
}
