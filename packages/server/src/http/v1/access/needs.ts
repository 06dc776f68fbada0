/**
 * What each call of /v1 needs of its caller, by method and path: one table, so that a route that is added can't forget it. What reads needs
 * `read`; what changes needs the right of its part of the API, `manage` where nothing is said. docs/access.md has the same table.
 */
import type { Right } from '@roost/protocol'

export interface Need {
  readonly right: Right
  /** Any right anywhere will do; the route itself looks at what it gives out. */
  readonly isForAll: boolean
  /** It changes something. */
  readonly isChange: boolean
  /** It brings devices into an app, or sends: no archived app is served with it. */
  readonly isOfServing: boolean
  /** Comes by the thousands from back ends and is told of elsewhere: no word in the audit log when a token calls. */
  readonly isTraffic: boolean
}

/** By the first part of the path behind the app. */
const RIGHT_OF: Readonly<Record<string, Right>> = {
  messages: 'send',
  schedules: 'send',
  triggers: 'send',
  'push-test': 'send',
  calls: 'send',
  devices: 'devices',
  users: 'devices',
  imports: 'devices',
  'bulk-requests': 'devices',
  receipts: 'devices',
  'test-devices': 'devices',
  erasures: 'devices',
  'personal-data': 'devices',
  members: 'access',
  'member-invitations': 'access',
  tokens: 'access',
}

/** Whole calls that need another right than their part: what stops an app or ends it, and what writes whole addresses to a file. */
const RIGHT_OF_CALL: Readonly<Record<string, Right>> = {
  'POST /apps/:app/archive': 'access',
  'POST /apps/:app/unarchive': 'access',
  'DELETE /apps/:app': 'access',
  'POST /apps/:app/segments/:segment/exports': 'devices',
}

/**
 * They stop something, take it out of the base, say whose it is or what became of it: an archived app is served with them, as devices are with
 * the like (http/compat/route.ts), and with all that is `DELETE`.
 */
const ENDING = [
  /^POST \/apps\/:app\/(messages\/:id\/(pause|cancel)|calls\/:call\/(cancel|reject|busy)|schedules\/:schedule\/pause|triggers\/:trigger\/pause)$/,
  /^POST \/apps\/:app\/(devices\/:hwid\/(unregister|receipts)|devices\/bulk-unregister|users\/:user\/(logout|merge)|receipts|erasures|personal-data)$/,
  /^POST \/apps\/:app\/segments\/:segment\/exports$/,
]

/** They compute something and change nothing. */
const READING = new Set([
  'POST /apps/:app/address-policy/preview',
  'POST /apps/:app/diagnose',
  'POST /apps/:app/imports/dry-run',
  'POST /apps/:app/messages/dry-run',
  'POST /apps/:app/messages/preview',
  'POST /apps/:app/segments/compile',
])

/** Whole addresses and links to them, who has access, and what everybody did. */
const GUARDED_READING: Readonly<Record<string, Right>> = {
  'device-export': 'devices',
  'segment-exports': 'devices',
  'personal-data': 'devices',
  'member-invitations': 'access',
  tokens: 'access',
  audit: 'manage',
  'audit-export': 'manage',
}

const TRAFFIC = [
  /^POST \/apps\/:app\/messages$/,
  /^\w+ \/apps\/:app\/(receipts|calls|bulk-requests)(\/|$)/,
  /^\w+ \/apps\/:app\/(devices\/:hwid|users\/:user)(\/|$)/,
  /^PUT \/apps\/:app\/imports\/:id\/parts$/,
]

/** `url` as Fastify has it: `/v1/apps/:app/rules`. */
export function needOf(method: string, url: string): Need {
  const path = url.replace(/^\/v1(?=\/)/, '')
  const call = `${method} ${path}`
  const [, part = ''] = /^(?:\/apps\/:app)?\/([^/]+)/.exec(path) ?? []
  if (part === 'me')
    return { right: 'read', isForAll: true, isChange: !isGet(method), isOfServing: false, isTraffic: false }
  const isChange = !isGet(method) && !READING.has(call)
  const right = isChange
    ? (RIGHT_OF_CALL[call] ?? RIGHT_OF[part] ?? 'manage')
    : (GUARDED_READING[part] ?? 'read')
  const isOfServing =
    (right === 'send' || right === 'devices') &&
    isChange &&
    method !== 'DELETE' &&
    !ENDING.some(it => it.test(call))
  const isTraffic = TRAFFIC.some(it => it.test(call))
  return { right, isForAll: call === 'GET /apps', isChange, isOfServing, isTraffic }
}

function isGet(method: string): boolean {
  return method === 'GET' || method === 'HEAD'
}
