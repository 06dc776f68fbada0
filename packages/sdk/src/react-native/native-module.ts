/**
 * The native module of native/ios/RoostModule.swift and native/android/ReactNativeModule.kt as the client's `share` and `show`.
 */
import type { MobileRoostOptions } from '../mobile/options.ts'

/** `NativeModules.Roost`. */
export interface RoostNativeModule {
  share(json: string): Promise<void>
  show(json: string): Promise<void>
}

export function nativeModule(
  module: RoostNativeModule,
): Required<Pick<MobileRoostOptions, 'share' | 'show'>> {
  return {
    share: shared => module.share(JSON.stringify(shared)),
    show: push => module.show(JSON.stringify(push)),
  }
}
