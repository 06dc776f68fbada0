/**
 * A real, headless Chromium whose Google is ours.
 *
 * Its certificates are signed by an authority that the browser does not know, hence `--ignore-certificate-errors`.
 * `--disable-background-networking`, which puppeteer sets, would hold the stream of messages closed.
 * Source: Chromium, components/gcm_driver/gcm_client_factory and google_apis/gcm/engine/gservices_switches.cc.
 */
import type { ChromeUrls } from '@roost/simulator'
import { type Browser, launch } from 'puppeteer-core'
import { SHOWN_WITHIN_MS } from './patience.ts'

/** Set by `npm test`, which installs it; empty where it could not. */
export const CHROMIUM = process.env.ROOST_TEST_CHROMIUM ?? '/usr/bin/chromium'

export interface ChromiumOptions {
  readonly urls: ChromeUrls
  /** Origin of the page that may show notifications: headless, nobody can answer a prompt. */
  readonly origin: string
}

/** Caller closes it. */
export async function launchChromium(options: ChromiumOptions): Promise<Browser> {
  const { checkIn, registration, stream } = options.urls
  const browser = await launch({
    browser: 'chrome',
    executablePath: CHROMIUM,
    headless: true,
    timeout: SHOWN_WITHIN_MS,
    ignoreDefaultArgs: ['--disable-background-networking'],
    args: [
      `--gcm-checkin-url=${checkIn}`,
      `--gcm-registration-url=${registration}`,
      `--gcm-mcs-endpoint=${stream}`,
      '--ignore-certificate-errors',
      // Chromium's sandbox refuses to run as root, which is who runs the tests in a plain container.
      ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
    ],
  })
  await browser.defaultBrowserContext().overridePermissions(options.origin, ['notifications'])
  return browser
}
