/**
 * The browsers' own push services, by origin and path: Google, Mozilla, Microsoft, Apple.
 *
 * Endpoints come from clients, so anybody can put up one that answers 401. Only these are believed when they find
 * fault with our key; else a stranger could stop the web push of a whole app. The host alone does not tell: the same
 * ones serve other APIs, which refuse every VAPID key (`fcm.googleapis.com/v1/…`, `api.push.apple.com/3/device/…`).
 * Source: endpoints as the browsers hand them out; Apple, "Sending web push notifications" (the host to allow);
 * Microsoft, "Channel URI" (`https://*.notify.windows.com/w/?token=`).
 */
const BROWSER_SERVICES = [
  /^https:\/\/fcm\.googleapis\.com\/(fcm\/send|wp)\/./,
  /^https:\/\/([a-z0-9-]+\.)*push\.services\.mozilla\.com\/wpush\/v[12]\/./,
  /^https:\/\/([a-z0-9-]+\.)*notify\.windows\.com\/w\/\?token=./,
  /^https:\/\/web\.push\.apple\.com\/./,
]

export function isBrowserService(endpoint: { readonly origin: string; readonly path: string }): boolean {
  const { href } = new URL(`${endpoint.origin}${endpoint.path}`) // resolves dots in the path, as the service will
  return BROWSER_SERVICES.some(service => service.test(href))
}
