/**
 * `@capacitor/app` as the visibility of the app.
 */
import type { AppVisibility } from '../mobile/native-push.ts'
import type { ListenerHandle } from './push.ts'

/** What is used of the library: its `App` is one. */
export interface CapacitorApp {
  getState(): Promise<{ readonly isActive: boolean }>
  addListener(
    event: 'appStateChange',
    listener: (state: { readonly isActive: boolean }) => void,
  ): Promise<ListenerHandle>
}

export function capacitorVisibility(library: CapacitorApp): AppVisibility {
  return {
    isInFront: async () => (await library.getState()).isActive,
    onChange: listener => {
      const adding = library.addListener('appStateChange', ({ isActive }) => listener(isActive))
      return () => void adding.then(it => it.remove())
    },
  }
}
