/**
 * Which apps are subscribed to which topics, by project.
 *
 * Source: Firebase, "Manage topic subscriptions": 2000 topics for one app instance, 3000 changes a second for a project.
 */
import { WindowLimit } from '../gateway/window-limit.ts'
import { TOPIC_NAME } from './message.ts'

const MAX_TOPICS = 2000
const CHANGES_PER_SECOND = 3000

/** The errors of one token in a request that may name many. */
export type TopicError =
  | 'NOT_FOUND'
  | 'INVALID_ARGUMENT'
  | 'TOO_MANY_TOPICS'
  | 'RESOURCE_EXHAUSTED'
  | 'PERMISSION_DENIED'
  | 'DEADLINE_EXCEEDED'
  | 'INTERNAL'
  | 'UNKNOWN'

export class Topics {
  readonly #clock: () => number
  /** By token; a token belongs to one project. */
  readonly #topics = new Map<string, Set<string>>()
  readonly #subscribers = new Map<string, Set<string>>()
  readonly #changes = new WindowLimit()

  constructor(clock: () => number) {
    this.#clock = clock
  }

  /** Whether something changed, or why it may not. */
  subscribe(projectId: string, token: string, topic: string): boolean | TopicError {
    const refused = this.#mayChange(projectId, topic)
    if (refused !== undefined) return refused
    const topics = this.#topics.get(token) ?? new Set()
    if (topics.has(topic)) return false
    if (topics.size >= MAX_TOPICS) return 'TOO_MANY_TOPICS'
    this.#topics.set(token, topics.add(topic))
    const key = `${projectId} ${topic}`
    this.#subscribers.set(key, (this.#subscribers.get(key) ?? new Set()).add(token))
    return true
  }

  /** Whether something changed, or why it may not. */
  unsubscribe(projectId: string, token: string, topic: string): boolean | TopicError {
    const refused = this.#mayChange(projectId, topic)
    if (refused !== undefined) return refused
    this.#subscribers.get(`${projectId} ${topic}`)?.delete(token)
    return this.#topics.get(token)?.delete(topic) ?? false
  }

  of(token: string): ReadonlySet<string> {
    return this.#topics.get(token) ?? new Set()
  }

  subscribers(projectId: string, topic: string): readonly string[] {
    return [...(this.#subscribers.get(`${projectId} ${topic}`) ?? [])]
  }

  /** Everybody who is subscribed to anything in this project. */
  everybody(projectId: string): readonly string[] {
    const keys = [...this.#subscribers.keys()].filter(key => key.startsWith(`${projectId} `))
    return [...new Set(keys.flatMap(key => [...(this.#subscribers.get(key) ?? [])]))]
  }

  #mayChange(projectId: string, topic: string): TopicError | undefined {
    if (!TOPIC_NAME.test(topic)) return 'INVALID_ARGUMENT'
    const isWithinRate = this.#changes.allows(projectId, CHANGES_PER_SECOND, 1000, this.#clock())
    return isWithinRate ? undefined : 'RESOURCE_EXHAUSTED'
  }
}
