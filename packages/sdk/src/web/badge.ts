/**
 * The number on the icon of an installed site. Not every browser has it, and some refuse it to sites that are not installed: neither is a fault.
 * Source: W3C Badging API §2.
 */

interface Badging {
  readonly setAppBadge?: (count: number) => Promise<void>
}

/** 0 takes it away. */
export async function showBadge(count: number): Promise<void> {
  await (navigator as Badging).setAppBadge?.(count).catch(() => {})
}
