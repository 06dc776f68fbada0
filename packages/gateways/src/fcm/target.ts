/**
 * Whom a message goes to: one device by its registration token or its installation id, or all that follow a topic or
 * meet a condition over topics. Exactly one of them.
 * Source: Firebase, "REST Resource: projects.messages" and "Send messages to topics".
 */
import { MAX_CONDITION_CHARACTERS, MAX_TOPICS_IN_CONDITION } from './settings.ts'

export type FcmAddress =
  /** The registration token. */
  | { readonly token: string }
  /** The Firebase installation id, which newer apps register with instead. */
  | { readonly fid: string }
  /** Without "/topics/". */
  | { readonly topic: string }
  /** `'news' in topics && ('sports' in topics || 'weather' in topics)` */
  | { readonly condition: string }

export interface FcmTarget {
  readonly field: 'token' | 'fid' | 'topic' | 'condition'
  readonly value: string
  /** False for a group: what FCM says of it says nothing of a device. */
  readonly isDevice: boolean
}

export type FcmTargetRead =
  | { readonly ok: true; readonly target: FcmTarget }
  | { readonly ok: false; readonly reason: string }

const FIELDS = ['token', 'fid', 'topic', 'condition'] as const
const TOPIC_NAME = /^[a-zA-Z0-9-_.~%]+$/
const TOPIC_TERM = /(['"])(.*?)\1\s+in\s+topics\b/g

export function readTarget(address: FcmAddress): FcmTargetRead {
  return readToken(address) ?? readAny(address)
}

/** What nearly all are; undefined for all others. */
function readToken(address: Partial<Record<string, unknown>>): FcmTargetRead | undefined {
  const { token, fid, topic, condition } = address
  if (typeof token !== 'string' || token === '') return undefined
  if (fid !== undefined || topic !== undefined || condition !== undefined) return undefined
  return { ok: true, target: { field: 'token', value: token, isDevice: true } }
}

function readAny(address: FcmAddress): FcmTargetRead {
  const given = FIELDS.flatMap(field => {
    const value = (address as Partial<Record<string, unknown>>)[field]
    return value === undefined ? [] : [{ field, value }]
  })
  const [only] = given
  if (only === undefined || given.length > 1) {
    const named = given.map(it => it.field).join(', ') || 'nothing'
    return { ok: false, reason: `a message goes to exactly one of ${FIELDS.join(', ')}; ${named} given` }
  }
  const { field, value } = only
  if (typeof value !== 'string' || value === '') return { ok: false, reason: `${field} is empty or no text` }
  const reason =
    field === 'topic' ? topicFault(value) : field === 'condition' ? conditionFault(value) : undefined
  if (reason !== undefined) return { ok: false, reason }
  return { ok: true, target: { field, value, isDevice: field === 'token' || field === 'fid' } }
}

function topicFault(topic: string): string | undefined {
  if (topic.startsWith('/topics/')) return 'topic: the name goes without "/topics/"'
  if (TOPIC_NAME.test(topic)) return undefined
  return `topic "${topic}": a name has letters, digits and - _ . ~ % only`
}

function conditionFault(condition: string): string | undefined {
  if (condition.length > MAX_CONDITION_CHARACTERS)
    return `condition has ${condition.length} characters; ${MAX_CONDITION_CHARACTERS} are allowed`
  const topics = [...condition.matchAll(TOPIC_TERM)].map(term => term[2] as string)
  if (topics.length === 0) return `condition names no topic; it is written 'name' in topics`
  if (topics.length > MAX_TOPICS_IN_CONDITION) {
    return `condition names ${topics.length} topics; ${MAX_TOPICS_IN_CONDITION} are allowed`
  }
  const wrongName = topics.map(topicFault).find(fault => fault !== undefined)
  if (wrongName !== undefined) return `condition: ${wrongName}`
  return isWellFormed(condition)
    ? undefined
    : 'condition: terms are joined by && and ||, with matching parentheses'
}

/** With `t` for a term: what stands in matching parentheses is a term again, until one is left. */
function isWellFormed(condition: string): boolean {
  let rest = condition.replace(TOPIC_TERM, 't').replace(/\s+/g, '')
  for (let before = ''; before !== rest; ) {
    before = rest
    rest = rest
      .replace(/t(?:&&|\|\|)t/g, 't')
      .replace(/!t/g, 't')
      .replace(/\(t\)/g, 't')
  }
  return rest === 't'
}
