/**
 * A real, headless Firefox whose push service is ours.
 *
 * `alerts.useSystemBackend=false`: a headless Firefox has no desktop to show notifications on, and
 * `showNotification` rejects with NS_ERROR_FAILURE; with it, Firefox shows them itself.
 * Source: Firefox, `modules/libpref/init/all.js` and `dom/push/PushService.sys.mjs`.
 */
import { type Browser, launch } from 'puppeteer-core'
import { SHOWN_WITHIN_MS } from './patience.ts'

const EXECUTABLE = process.env.FIREFOX ?? '/usr/bin/firefox-esr'

export interface FirefoxOptions {
  /** WebSocket URL of the push service. */
  readonly pushServiceUrl: string
  /** All its windows are private. Default false. */
  readonly isPrivate?: boolean
}

/** Caller closes it. Notifications are permitted without asking: headless, nobody can answer a prompt. */
export function launchFirefox(options: FirefoxOptions): Promise<Browser> {
  return launch({
    browser: 'firefox',
    executablePath: EXECUTABLE,
    headless: true,
    timeout: SHOWN_WITHIN_MS,
    extraPrefsFirefox: {
      'browser.privatebrowsing.autostart': options.isPrivate ?? false,
      'alerts.useSystemBackend': false,
      'dom.push.connection.enabled': true,
      'dom.push.enabled': true,
      'dom.push.retryBaseInterval': 100,
      'dom.push.serverURL': options.pushServiceUrl,
      'dom.push.testing.allowInsecureServerURL': true,
      'permissions.default.desktop-notification': 1,
      'remote.prefs.recommended': false,
    },
  })
}
