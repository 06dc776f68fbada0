/**
 * What the entries of an inbox say: rendered for the device when it asks, in its language and with its tags as they are
 * then, by the same rules as its pushes. What can't be rendered for a device is not shown to it, as it was not pushed.
 */
import type { GatewayName } from '@roost/gateways'
import {
  type Content,
  type Experiment,
  INBOX_STATES,
  type InboxEntryView,
  type InboxState,
  type Platform,
} from '@roost/protocol'
import { hashOf } from '../insight/receipts.ts'
import { partToRead } from '../messages/experiments/parts.ts'
import { factsColumn, type RecipientFacts } from '../messages/facts.ts'
import { Renderer } from '../messages/render.ts'
import { PROVIDER_OF } from '../registry/address.ts'
import { bucketOf } from '../registry/buckets.ts'
import type { Queryable } from '../store/database.ts'
import { type InboxEntry, type InboxKey, readEntries } from './read.ts'

export interface InboxContent {
  /** What a push of the same says as `p`: of an experiment with the variant. */
  readonly hash: string
  readonly title?: string | undefined
  readonly body?: string | undefined
  readonly image?: string | undefined
  readonly url?: string | undefined
  readonly data?: Readonly<Record<string, unknown>> | undefined
}

export interface ShownEntry {
  readonly entry: InboxEntry
  readonly content: InboxContent
}

export interface Inbox {
  /** Newest first. */
  readonly shown: readonly ShownEntry[]
  /** Deleted by the person, or withdrawn by the sender. */
  readonly gone: readonly InboxEntry[]
}

/** The whole of it: an entry that can't be rendered must not count as unread either. */
export async function readInbox(db: Queryable, key: InboxKey): Promise<Inbox> {
  const entries = await readEntries(db, key)
  const kept = entries.filter(it => !it.isGone)
  const contents = await readContents(db, { appId: key.appId, entries: kept })
  return {
    shown: kept.flatMap(entry => {
      const content = contents.get(entry.messageId)
      return content === undefined ? [] : [{ entry, content }]
    }),
    gone: entries.filter(it => it.isGone),
  }
}

export interface StoredContent {
  readonly id: string
  readonly content: Content
  /** Null when it has no variants. */
  readonly experiment: Experiment | null
  /** Of the variant that the rest gets; null while that is not decided. */
  readonly chosen: string | null
}

/** SQL over `message m`. */
export const STORED_CONTENT = `m.id, m.content, m.experiment, m.verdict ->> 'variant' as chosen`

/** By message; those that can't be rendered for this device are left out. The entries are of one device. */
async function readContents(
  db: Queryable,
  { appId, entries }: { readonly appId: number; readonly entries: readonly InboxEntry[] },
): Promise<ReadonlyMap<string, InboxContent>> {
  const [first] = entries
  if (first === undefined) return new Map()
  const { rows } = await db.query<StoredContent>(
    `select ${STORED_CONTENT} from message m where m.id = any($1::uuid[])`,
    [entries.map(it => it.messageId)],
  )
  const viewer = (await readManyFacts(db, { appId, hwids: [first.hwid] })).get(first.hwid)
  const renderer = new EntryRenderer()
  return new Map(
    rows.flatMap(stored => {
      const shown = renderer.render(stored, viewer)
      return shown === undefined ? [] : [[stored.id, shown] as const]
    }),
  )
}

/** Everything that a template may name. */
const ALL_NEEDS = {
  language: true,
  badge: false,
  unread: false,
  user: true,
  tags: 'all',
  device: [
    ...(['hwid', 'platform', 'language', 'timezone', 'country', 'appVersion', 'osVersion'] as const),
    ...(['model', 'firstSeenAt', 'lastOpenAt'] as const),
  ],
  event: false,
  person: true,
} as const

/** What is known of a device that reads its inbox. */
export interface Viewer {
  readonly platform: Platform | null
  readonly facts: RecipientFacts | null
}

/** By hwid. */
export async function readManyFacts(
  db: Queryable,
  { appId, hwids }: { readonly appId: number; readonly hwids: readonly string[] },
): Promise<ReadonlyMap<string, Viewer>> {
  const values: unknown[] = [hwids.map(bucketOf), appId, hwids]
  const { rows } = await db.query<Viewer & { readonly hwid: string }>(
    `select a.hwid, a.platform, ${factsColumn(ALL_NEEDS, values)} as facts
       from unnest($1::smallint[], $3::text[]) as i (bucket, hwid)
       join device a on a.bucket = i.bucket and a.app_id = $2 and a.hwid = i.hwid`,
    values,
  )
  return new Map(rows.map(({ hwid, ...viewer }) => [hwid, viewer]))
}

/** A device that never told one reads what iOS would show. */
const WITHOUT_PLATFORM: GatewayName = 'apns'

/** Nothing of how it is delivered matters here. */
const DELIVERY = { ttlSeconds: 0, priority: 'normal', collapseKey: null } as const

interface Shown {
  readonly id: string
  readonly content: Content
  /** Of its variant. */
  readonly place?: number
}

/** Compiles each content once for each gateway. */
export class EntryRenderer {
  readonly #renderers = new Map<string, Renderer>()

  /** Undefined when there is nothing of it that this device can be shown. */
  render(stored: StoredContent, viewer: Viewer | undefined): InboxContent | undefined {
    const { platform, facts } = viewer ?? { platform: null, facts: null }
    const gateway = platform === null ? WITHOUT_PLATFORM : PROVIDER_OF[platform]
    const part = partToRead(stored, facts?.person ?? '')
    if (part === undefined) return undefined
    const rendered = this.#rendererOf({ id: stored.id, ...part }, gateway).notificationFor({ facts })
    if (rendered.kind !== 'notification') return undefined
    const { title, body, imageUrl: image, url, data } = rendered.notification
    return { hash: hashOf(stored.id, part.place), title, body, image, url, data }
  }

  #rendererOf({ id, content, place }: Shown, gateway: GatewayName): Renderer {
    const key = `${gateway} ${id} ${place ?? ''}`
    const counts = { shared: 0, personal: 0 }
    const known = this.#renderers.get(key)
    const renderer = known ?? new Renderer({ messageId: id, content, ...DELIVERY }, { gateway, counts })
    this.#renderers.set(key, renderer)
    return renderer
  }
}

const STATE_OF_STATUS: readonly InboxState[] = ['new', ...INBOX_STATES.slice(1), 'deleted']

export function viewOf({ entry, content }: ShownEntry): InboxEntryView {
  return {
    id: entry.messageId,
    state: STATE_OF_STATUS[entry.status ?? 0] ?? 'new',
    sentAt: entry.shownAt,
    until: entry.untilAt,
    title: content.title ?? null,
    body: content.body ?? null,
    image: content.image ?? null,
    url: content.url ?? null,
    data: content.data === undefined ? null : { ...content.data },
  }
}
