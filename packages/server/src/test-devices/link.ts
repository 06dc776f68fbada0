/**
 * The link that a phone opens with its code. On a page of a site the code is in the fragment, which stays in the browser; an app is given it
 * in the query, since not every system hands an app the fragment.
 */

export interface LinkParts {
  readonly code: string
  /** The application code. */
  readonly application: string
  /** Where the phone calls. */
  readonly server: string
}

/** What apps of our SDK listen to when the invitation names nothing else. */
const OF_APPS = 'roost-test://join'

/** `opens`: what the invitation names, null = the default. */
export function linkToOpen(opens: string | null, { code, application, server }: LinkParts): string {
  if (opens !== null && /^https?:/i.test(opens)) {
    const url = new URL(opens)
    url.hash = `${url.hash === '' ? '' : `${url.hash.slice(1)}&`}roost-test=${code}`
    return url.href
  }
  const asked = new URLSearchParams({ 'roost-test': code, application, server })
  const link = opens ?? OF_APPS
  return `${link}${link.includes('?') ? '&' : '?'}${asked}`
}
