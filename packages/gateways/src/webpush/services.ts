/**
 * The browsers' own push services, by origin and path: Google, Mozilla, Microsoft, Apple.
 *
 * Endpoints come from clients. One that a stranger puts up on a host of his own and that finds fault with our key stops
 * nothing but that host. But he may also name another API of a browser service's host, which refuses every VAPID key
 * (`fcm.googleapis.com/v1/…`): that says nothing of the push service beside it.
 * Source: endpoints as the browsers hand them out; Apple, "Sending web push notifications" (the host to allow);
 * Microsoft, "Channel URI" (`https://*.notify.windows.com/w/?token=`).
 */
import type { Endpoint } from './endpoint.ts'

const BROWSER_SERVICES = [
  // The second is where Chromium's own builds, which are not Google Chrome, are sent to.
  { origin: /^https:\/\/(fcm\.googleapis|jmt17\.google)\.com$/, path: /^\/(fcm\/send|wp)\/./ },
  { origin: /^https:\/\/([a-z0-9-]+\.)*push\.services\.mozilla\.com$/, path: /^\/wpush\/v[12]\/./ },
  { origin: /^https:\/\/([a-z0-9-]+\.)*notify\.windows\.com$/, path: /^\/w\/\?token=./ },
  { origin: /^https:\/\/web\.push\.apple\.com$/, path: /^\/./ },
]

/** `neighbour`: on the host of a browser's push service, and not that service. */
export type ServiceKind = 'browser' | 'neighbour' | 'unknown'

export function serviceOf(endpoint: Endpoint): ServiceKind {
  const service = BROWSER_SERVICES.find(it => it.origin.test(endpoint.origin))
  if (service === undefined) return 'unknown'
  const { pathname, search } = new URL(`${endpoint.origin}${endpoint.path}`) // resolves dots in the path, as it will
  return service.path.test(`${pathname}${search}`) ? 'browser' : 'neighbour'
}
