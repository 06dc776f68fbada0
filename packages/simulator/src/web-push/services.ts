/**
 * The push services by their manners: where their endpoints are and how much they take.
 *
 * Sources: RFC 8030 §7.2 (at least 4096 bytes); Microsoft, WNS (5000 bytes); Mozilla, autopush (a browser on Android is
 * reached over a bridge that takes about 2744 bytes). A UnifiedPush distributor is a plain push service of RFC 8030.
 */
export type PushService = 'autopush' | 'google' | 'windows' | 'apple' | 'unifiedpush'

const MAX_BYTES: Readonly<Record<PushService, number>> = {
  autopush: 4096,
  google: 4096,
  windows: 5000,
  apple: 4096,
  unifiedpush: 4096,
}
const MAX_BRIDGED_BYTES = 2744

const PATHS: Readonly<Record<PushService, (id: string, isBound: boolean) => string>> = {
  // Version 2 endpoints are bound to a key, version 1 to none.
  autopush: (id, isBound) => `/wpush/${isBound ? 'v2' : 'v1'}/${id}`,
  google: id => `/fcm/send/${id}`,
  // The dot and the slash show who decodes what must stay as it is.
  windows: id => `/w/?token=${encodeURIComponent(`BQY./${id}`)}`,
  apple: id => `/apple/${id}`,
  unifiedpush: id => `/up/${id}`,
}

/** The path of an endpoint; `isBound` when its subscription was made with a key. */
export function pathOf(service: PushService, id: string, isBound: boolean): string {
  return PATHS[service](id, isBound)
}

/** Whose manners an endpoint has that is not known here. */
export function serviceOf(path: string): PushService {
  if (path.startsWith('/fcm/')) return 'google'
  if (path.startsWith('/w/')) return 'windows'
  if (path.startsWith('/up/')) return 'unifiedpush'
  return path.startsWith('/apple/') ? 'apple' : 'autopush'
}

export function maxBytes(service: PushService, isBridged: boolean): number {
  return isBridged ? MAX_BRIDGED_BYTES : MAX_BYTES[service]
}
