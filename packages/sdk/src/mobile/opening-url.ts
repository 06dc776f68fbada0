/**
 * A tap on a notification that the Android messaging service has shown (native/android), as the URL that the app is opened with:
 * `roost://open?push=` and the data of the push as JSON, percent-encoded, with `&action=` for a button.
 *
 * Hermes has no complete `URL`, so it is taken apart by hand. Other apps can send such an URL, too: it says what to open, and nothing more.
 */
import type { NativeOpening } from './native-push.ts'

const FORM = /^roost:\/\/open\?push=([^&#]+)(?:&action=([^&#]*))?$/

/** Undefined: it is another URL, the app's own. Never throws. */
export function openingIn(url: string): NativeOpening | undefined {
  const [, push, action] = FORM.exec(url) ?? []
  if (push === undefined) return undefined
  try {
    const data: unknown = JSON.parse(decodeURIComponent(push))
    if (typeof data !== 'object' || data === null || Array.isArray(data)) return undefined
    return { data: data as Readonly<Record<string, unknown>>, shown: undefined, action: action || undefined }
  } catch {
    return undefined
  }
}
