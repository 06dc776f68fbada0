/**
 * The browsers' own push services, by origin: Google, Mozilla, Microsoft, Apple.
 *
 * Endpoints come from clients, so anybody can put up one that answers 401. Only these are believed when they find
 * fault with our key; else a stranger could stop the web push of a whole app.
 */
const BROWSER_SERVICES = [
  /^https:\/\/fcm\.googleapis\.com$/,
  /^https:\/\/([a-z0-9-]+\.)*push\.services\.mozilla\.com$/,
  /^https:\/\/([a-z0-9-]+\.)*notify\.windows\.com$/,
  /^https:\/\/([a-z0-9-]+\.)*push\.apple\.com$/,
]

export function isBrowserService(origin: string): boolean {
  return BROWSER_SERVICES.some(service => service.test(origin))
}
