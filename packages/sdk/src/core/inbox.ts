/**
 * The inbox of this device: messages that stay readable until a date, pushed or not (docs/inbox.md).
 *
 * The server shows what is meant for the person that it knows this device to be of, if that is who is said to ask. So a login or logout that it
 * has not heard of yet goes before: nobody reads what was meant for the one before them.
 */
import type { Client, Transport } from './client.ts'
import { codeOf } from './client.ts'
import { RoostError } from './error.ts'
import type { Store } from './state.ts'

const TIMEOUT_MS = 15_000

export type InboxState = 'new' | 'delivered' | 'read' | 'opened' | 'deleted'

export interface InboxEntry {
  readonly id: string
  readonly state: InboxState
  /** ISO 8601. */
  readonly sentAt: string
  readonly until: string
  readonly title: string | null
  readonly body: string | null
  readonly image: string | null
  readonly url: string | null
  readonly data: Readonly<Record<string, unknown>> | null
}

export interface Inbox {
  /** Newest first. */
  readonly entries: readonly InboxEntry[]
  /** Of the whole inbox. */
  readonly unread: number
  /** `after` of the next page; null on the last one. */
  readonly next: string | null
}

export interface InboxPage {
  /** Default 50, at most 500; 0 = the unread count alone. */
  readonly limit?: number
  /** `next` of the page before. */
  readonly after?: string
}

export interface InboxContext {
  readonly client: Client
  readonly store: Store
  readonly transport: Transport
}

/** Throws RoostError; `unreachable` also while the server has not heard who uses this device. */
export async function readInbox(
  { client, store, transport }: InboxContext,
  { limit = 50, after }: InboxPage,
): Promise<Inbox> {
  await client.flush()
  const state = await store.read() // before what waits: whoever logs in between the two is another one at the end
  if (state === undefined) throw new RoostError('not_started', 'Roost was never started on this device')
  if ((await store.kept()).some(({ method }) => method === 'registerUser'))
    throw new RoostError('unreachable', 'The server has not heard yet who uses this device')
  const { baseUrl, application, deviceToken } = state.settings
  const { userId } = state
  const query = new URLSearchParams({
    limit: String(limit),
    ...(after !== undefined && { after }),
    // The server gives nothing of anybody else: it may have refused a login, and know the device as of the one before.
    ...(userId !== undefined && { userId }),
  })
  const answer = await transport({
    method: 'GET',
    url: `${baseUrl}/v1/apps/${application}/devices/${encodeURIComponent(state.hwid)}/inbox?${query}`,
    headers: { authorization: `Token ${deviceToken}` },
    timeoutMs: TIMEOUT_MS,
  }).catch((cause: unknown) => {
    throw new RoostError('unreachable', 'the inbox got no answer', { cause })
  })
  // It may be of whoever was here when it was asked for.
  if ((await store.read())?.userId !== userId) return readInbox({ client, store, transport }, { limit })
  if (answer.status === 200) return readBody(answer.body)
  throw new RoostError(codeOf(answer.status), `the inbox was answered with ${answer.status}`)
}

function readBody(body: string): Inbox {
  try {
    return JSON.parse(body) as Inbox
  } catch (cause) {
    throw new RoostError('unavailable', 'the inbox was answered with something that is no JSON', { cause })
  }
}

/** Numbers of the device protocol. */
const STATUS = { read: 2, opened: 3, deleted: 4 } as const

/** What a person did with an entry, whoever is logged in when it is told. It may be told late and twice: a state never goes back. */
export async function markInbox(
  { client, store }: Pick<InboxContext, 'client' | 'store'>,
  id: string,
  state: keyof typeof STATUS,
): Promise<'sent' | 'kept'> {
  const { userId = null } = (await store.read()) ?? {}
  return client.deliver({
    key: `inbox:${id}:${state}:${userId ?? ''}`,
    method: 'inboxStatus',
    fields: { hash: id.replaceAll('-', ''), status: STATUS[state], userId },
  })
}
