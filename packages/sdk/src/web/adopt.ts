/** The options of a site as what its device remembers: the service worker goes by them, too. */
import { adoptSettings, type DeviceState, type Settings } from '../core/state.ts'
import type { RoostOptions } from './options.ts'

export function adoptOptions(options: RoostOptions, state: DeviceState | undefined): DeviceState {
  return adoptSettings(state, settingsOf(options), () => crypto.randomUUID())
}

function settingsOf(options: RoostOptions): Settings {
  return {
    baseUrl: options.baseUrl.replace(/\/+$/, ''),
    application: options.application,
    deviceToken: options.deviceToken,
    appVersion: options.appVersion,
    hasUnreadBadge: options.unreadBadge ?? false,
    ringsInPage: options.onCall !== undefined,
    foreground: options.foreground ?? (options.onMessage === undefined ? 'show' : 'event'),
  }
}
