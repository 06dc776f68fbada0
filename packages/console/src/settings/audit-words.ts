/**
 * A call of the audit log in words: which part of Roost it was about, and what became of it.
 *
 * The log has it as the API page writes it, `PATCH /v1/apps/{app}/rules`; commands beside the server as they were typed.
 * Source: docs/access.md, "Who changed what".
 */

/** What can be asked for, in the order of the list; each is a part of the path that the server looks for. */
export const KINDS = [
  'messages',
  'schedules',
  'triggers',
  'segments',
  'lists',
  'tags',
  'devices',
  'users',
  'test-devices',
  'imports',
  'erasures',
  'personal-data',
  'removals',
  'credentials',
  'push-test',
  'archive',
  'unarchive',
  'rules',
  'address-policy',
  'uninstall-tracking',
  'integration',
  'webhooks',
  'alerts',
  'members',
  'member-invitations',
  'tokens',
  'me',
  'session',
  'setup',
  'join',
  'jobs',
] as const
export type AuditKind = (typeof KINDS)[number]

/** A further word says more than these would: "recall", "pause". */
export type Done = 'added' | 'changed' | 'removed'

export interface CallInWords {
  /** Undefined of a command, and of what is newer than this console. */
  readonly kind: AuditKind | 'app' | undefined
  readonly done: Done | undefined
}

const CALL = /^(POST|PUT|PATCH|DELETE) \/v1(\/.*)$/
/** They are their own verbs. */
const EVENTS: readonly string[] = ['session', 'setup', 'join', 'archive', 'unarchive']

export function readCall(what: string): CallInWords {
  const [, method, path = ''] = CALL.exec(what) ?? []
  if (method === undefined) return { kind: undefined, done: undefined }
  const parts = path.replace(/^\/apps(\/\{app\})?/, '').split('/')
  const part = parts[1] ?? ''
  const kind = part === '' ? 'app' : KINDS.find(each => each === part)
  return { kind, done: EVENTS.includes(part) ? undefined : doneBy(method, parts) }
}

function doneBy(method: string, parts: readonly string[]): Done {
  if (method === 'DELETE') return 'removed'
  // below one of them, a POST says what is done with it
  return method === 'POST' && parts.length <= 2 ? 'added' : 'changed'
}

/** What the server is to look for, so that "/users" finds no user of a device. */
export function pathOf(kind: string): string | undefined {
  return KINDS.some(each => each === kind) ? `/${kind}` : undefined
}
