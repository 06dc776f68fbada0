/** What a page of the site (`site.ts`) that has started a live Roost has heard of and shown. */
import type { Page } from 'puppeteer-core'
import { eventually } from './eventually.ts'

const WITHIN_MS = 60_000

/** It holds the connection of its browser. */
export async function untilConnected(on: Page): Promise<void> {
  await on.waitForFunction(() => window.liveStatuses.at(-1) === 'connected', { timeout: WITHIN_MS })
}

/** Titles of what `onMessage` was told of, in their order. */
export async function untilHeard(on: Page, titles: readonly string[]): Promise<void> {
  await eventually({
    what: 'what the page has heard of',
    read: () => on.evaluate(() => window.messages),
    until: it => JSON.stringify(it) === JSON.stringify(titles),
    withinMs: WITHIN_MS,
  })
}

/** Titles of the notifications. */
export async function untilShown(on: Page, titles: readonly string[]): Promise<void> {
  await eventually({
    what: 'notifications',
    read: () => shownOn(on),
    until: it => JSON.stringify(it) === JSON.stringify(titles),
    withinMs: WITHIN_MS,
  })
}

export function shownOn(on: Page): Promise<string[]> {
  return on.evaluate(async () => {
    const registration = await navigator.serviceWorker.ready
    return (await registration.getNotifications()).map(it => it.title)
  })
}
