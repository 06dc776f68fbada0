/**
 * Subscribing tokens to topics, in the two forms that senders know.
 *
 * The older one is a batch of up to a thousand tokens at the Instance ID service, with one result for each; the newer
 * one is a request for each token at the host that sends. A dead token is told by both.
 * Source: firebase-admin, messaging.
 */
import { parseObject } from '../gateway/air.ts'
import type { Delayed, Faults } from '../gateway/faults.ts'
import type { GatewayAnswer, GatewayReply, GatewayRequest } from '../gateway/listener.ts'
import { type Random, randomHex } from '../randomness.ts'
import type { FcmForm, FcmRefusal } from './refusals.ts'
import { refusalAnswer } from './refusals.ts'
import type { RegistrationTokens } from './registration-tokens.ts'
import type { TopicError, Topics } from './topics.ts'

const BATCH_PATH = /^\/iid\/v1:batch(?<verb>Add|Remove)$/
const SUBSCRIPTIONS_PATH =
  /^\/v1\/projects\/(?<project>[^/]+)\/registrations\/(?<token>[^/]+)\/topicSubscriptions(?:\/(?<topic>[^/]+))?$/
const MAX_BATCH_TOKENS = 1000

/** An answer on demand for one token, or no answer at all. */
export type FcmTopicFault =
  | (Delayed & { readonly error: TopicError })
  | (Delayed & { readonly drop: Extract<GatewayReply, string> })

/** The newer form says in a status what the older one says in a word. */
const FORMS: Readonly<Record<TopicError, FcmForm>> = {
  NOT_FOUND: 'unregistered',
  INVALID_ARGUMENT: 'invalid_argument',
  TOO_MANY_TOPICS: 'invalid_argument',
  RESOURCE_EXHAUSTED: 'topic_quota_exceeded',
  PERMISSION_DENIED: 'sender_id_mismatch',
  DEADLINE_EXCEEDED: 'deadline_exceeded',
  INTERNAL: 'internal',
  UNKNOWN: 'unspecified',
}

export interface TopicManagementParts {
  readonly topics: Topics
  readonly tokens: RegistrationTokens
  readonly faults: Faults<FcmTopicFault>
  readonly random: Random
  /** The project that a request may speak for; `name` is the one in its path, undefined when it has none. */
  readonly authorize: (request: GatewayRequest, name: string | undefined) => string | FcmRefusal
}

interface Change {
  readonly projectId: string
  readonly token: string
  readonly topic: string
  readonly isSubscribing: boolean
}

type Result = boolean | TopicError | Extract<GatewayReply, string>

export class TopicManagement {
  readonly #parts: TopicManagementParts

  constructor(parts: TopicManagementParts) {
    this.#parts = parts
  }

  /** Undefined when the path is none of topic management's. */
  answer(request: GatewayRequest): Promise<GatewayReply> | undefined {
    const [path = '', query] = request.path.split('?', 2)
    const batch = BATCH_PATH.exec(path)?.groups
    if (batch !== undefined) return this.#answerBatch(request, batch.verb === 'Add')
    const one = SUBSCRIPTIONS_PATH.exec(path)?.groups
    return one === undefined ? undefined : this.#answerOne(request, one, new URLSearchParams(query))
  }

  async #answerBatch(request: GatewayRequest, isSubscribing: boolean): Promise<GatewayReply> {
    const projectId = this.#parts.authorize(request, undefined)
    // Without this header the service takes the bearer for one of the old server keys.
    if (typeof projectId !== 'string' || request.headers.access_token_auth !== 'true') return { status: 401 }
    const body = parseObject(request.body)
    const topic = /^\/topics\/(.+)$/.exec(String(body?.to))?.[1]
    const tokens = body?.registration_tokens
    const isBatch = Array.isArray(tokens) && tokens.length > 0 && tokens.length <= MAX_BATCH_TOKENS
    if (request.method !== 'POST' || topic === undefined || !isBatch)
      return json(400, { error: 'InvalidRequest' })
    const results: Result[] = []
    for (const token of tokens)
      results.push(await this.#change({ projectId, token: String(token), topic, isSubscribing }))
    const dropped = results.filter(result => typeof result === 'string').find(isDrop)
    return (
      dropped ??
      json(200, { results: results.map(result => (typeof result === 'string' ? { error: result } : {})) })
    )
  }

  async #answerOne(
    request: GatewayRequest,
    path: Readonly<Record<string, string>>,
    query: URLSearchParams,
  ): Promise<GatewayReply> {
    const projectId = this.#parts.authorize(request, path.project)
    if (typeof projectId !== 'string') return this.#refuse(projectId)
    const isSubscribing = request.method === 'POST'
    const topic = isSubscribing ? query.get('topic_name') : (path.topic ?? null)
    const token = decoded(path.token ?? '')
    if ((!isSubscribing && request.method !== 'DELETE') || topic === null || token === undefined)
      return this.#refuse({ form: 'html_404' })
    const result = await this.#change({ projectId, token, topic, isSubscribing })
    if (typeof result === 'string') return isDrop(result) ? result : this.#refuse({ form: FORMS[result] })
    if (result)
      return json(
        200,
        isSubscribing ? { name: `${path.token}/topicSubscriptions/${randomHex(this.#parts.random, 8)}` } : {},
      )
    if (isSubscribing) return this.#refuse({ form: 'already_exists' })
    return query.get('allow_missing') === 'true' ? json(200, {}) : this.#refuse({ form: 'project_not_found' })
  }

  async #change(change: Change): Promise<Result> {
    const { topics, tokens, faults } = this.#parts
    const { projectId, token, topic, isSubscribing } = change
    const fault = faults.take(token)
    await faults.pace(token, fault)
    if (fault !== undefined) return 'drop' in fault ? fault.drop : fault.error
    const refusal = tokens.check(token, 'any', projectId)
    if (refusal !== undefined) return errorOf(refusal)
    return isSubscribing
      ? topics.subscribe(projectId, token, topic)
      : topics.unsubscribe(projectId, token, topic)
  }

  #refuse(refusal: FcmRefusal): GatewayAnswer {
    return refusalAnswer(refusal, this.#parts.random)
  }
}

/** Undefined when a percent sign begins no escape. */
function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

function errorOf({ form }: FcmRefusal): TopicError {
  if (form === 'malformed_token') return 'INVALID_ARGUMENT'
  return form === 'sender_id_mismatch' ? 'PERMISSION_DENIED' : 'NOT_FOUND'
}

function isDrop(result: Exclude<Result, boolean>): result is Extract<GatewayReply, string> {
  return !Object.hasOwn(FORMS, result)
}

function json(status: number, body: Readonly<Record<string, unknown>>): GatewayAnswer {
  return {
    status,
    headers: { 'content-type': 'application/json; charset=UTF-8' },
    body: JSON.stringify(body),
  }
}
