/** How long pages of a real browser are waited for, unless a wait says otherwise. */
import type { Browser, BrowserContext, Page } from 'puppeteer-core'

/** Puppeteer's 30 s are too few while the machine does something else: it bounds what would hang. */
export const SHOWN_WITHIN_MS = 60_000

/** A page that is waited for as long as all others are. */
export async function newPage(browser: Browser | BrowserContext): Promise<Page> {
  const page = await browser.newPage()
  page.setDefaultTimeout(SHOWN_WITHIN_MS)
  return page
}
