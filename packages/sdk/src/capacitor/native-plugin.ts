/**
 * The plugin of native/ios/RoostModule.swift and native/android/CapacitorPlugin.kt as the client's `share` and `show`.
 */
import type { MobileRoostOptions } from '../mobile/options.ts'

/** `registerPlugin<RoostPlugin>('Roost')`. */
export interface RoostPlugin {
  share(options: { json: string }): Promise<void>
  show(options: { json: string }): Promise<void>
}

export function nativePlugin(plugin: RoostPlugin): Required<Pick<MobileRoostOptions, 'share' | 'show'>> {
  return {
    share: shared => plugin.share({ json: JSON.stringify(shared) }),
    show: push => plugin.show({ json: JSON.stringify(push) }),
  }
}
