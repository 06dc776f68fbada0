/**
 * Which page the address bar asks for. The fragment carries it, so that a link to a device survives a reload without
 * the server knowing the console's pages.
 *
 *   #/                              start: the app that was open last
 *   #/apps/A                        overview
 *   #/apps/A/messages[/ID]          messages, or one of them
 *   #/apps/A/devices[?search=S]     devices
 *   #/apps/A/devices/HWID           one device
 *   #/apps/A/credentials            gateway credentials
 *   #/apps/A/push-test[?credential=ID][&hwid=H]   one push, and its exchange with the gateway
 *
 * Codes, ids and hwids come from outside and may hold any character, so each is percent-encoded.
 */
import { useSyncExternalStore } from 'react'

export type Route =
  | { readonly page: 'start' }
  | { readonly page: 'overview' | 'messages' | 'credentials'; readonly app: string }
  | { readonly page: 'message'; readonly app: string; readonly id: string }
  | { readonly page: 'devices'; readonly app: string; readonly search: string }
  | { readonly page: 'device'; readonly app: string; readonly hwid: string }
  | {
      readonly page: 'push-test'
      readonly app: string
      /** Empty when none is chosen yet. */
      readonly credential: string
      readonly hwid: string
    }
  | { readonly page: 'unknown' }

/** Reads a fragment such as `#/apps/A/devices`; what cannot be read is `unknown`, never an exception. */
export function parseRoute(fragment: string): Route {
  const [path = '', query = ''] = fragment.replace(/^#/, '').split('?', 2)
  const parts = decodeParts(path)
  if (parts === undefined) return { page: 'unknown' }
  const [root, app, section, id, ...rest] = parts
  if (root === undefined) return { page: 'start' }
  if (root !== 'apps' || app === undefined || rest.length > 0) return { page: 'unknown' }
  if (section === undefined) return { page: 'overview', app }
  if (section === 'messages')
    return id === undefined ? { page: 'messages', app } : { page: 'message', app, id }
  if (section === 'credentials' && id === undefined) return { page: 'credentials', app }
  if (section === 'push-test' && id === undefined) return parsePushTest(app, query)
  if (section !== 'devices') return { page: 'unknown' }
  if (id !== undefined) return { page: 'device', app, hwid: id }
  return { page: 'devices', app, search: new URLSearchParams(query).get('search') ?? '' }
}

function parsePushTest(app: string, query: string): Route {
  const asked = new URLSearchParams(query)
  return {
    page: 'push-test',
    app,
    credential: asked.get('credential') ?? '',
    hwid: asked.get('hwid') ?? '',
  }
}

/** The fragment that `parseRoute` reads back as the same route. */
export function formatRoute(route: Exclude<Route, { page: 'unknown' }>): string {
  if (route.page === 'start') return '#/'
  const app = `#/apps/${encodeURIComponent(route.app)}`
  switch (route.page) {
    case 'overview':
      return app
    case 'messages':
      return `${app}/messages`
    case 'credentials':
      return `${app}/credentials`
    case 'push-test': {
      const { credential, hwid } = route
      const asked = new URLSearchParams({ ...(credential && { credential }), ...(hwid && { hwid }) })
      return asked.size > 0 ? `${app}/push-test?${asked}` : `${app}/push-test`
    }
    case 'message':
      return `${app}/messages/${encodeURIComponent(route.id)}`
    case 'devices':
      return route.search
        ? `${app}/devices?${new URLSearchParams({ search: route.search })}`
        : `${app}/devices`
    case 'device':
      return `${app}/devices/${encodeURIComponent(route.hwid)}`
  }
}

/** The present route; the component is drawn again when it changes. */
export function useRoute(): Route {
  return parseRoute(useSyncExternalStore(subscribeToFragment, () => location.hash))
}

/** Shows another route in place of the present one, without a step to go back to. */
export function replaceRoute(route: Exclude<Route, { page: 'unknown' }>): void {
  history.replaceState(null, '', formatRoute(route))
  // replaceState tells nobody; the listeners of the fragment must still hear of it
  dispatchEvent(new HashChangeEvent('hashchange'))
}

function subscribeToFragment(listener: () => void): () => void {
  addEventListener('hashchange', listener)
  return () => removeEventListener('hashchange', listener)
}

function decodeParts(path: string): string[] | undefined {
  try {
    return path.split('/').filter(Boolean).map(decodeURIComponent)
  } catch {
    return undefined // a stray percent sign
  }
}
