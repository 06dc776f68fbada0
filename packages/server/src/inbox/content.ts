/**
 * What the entries of an inbox say: rendered for the device when it asks, in its language and with its tags as they are
 * then, by the same rules as its pushes. What can't be rendered for a device is not shown to it, as it was not pushed.
 */
import type { GatewayName } from '@roost/gateways'
import { type Content, INBOX_STATES, type InboxEntryView, type InboxState } from '@roost/protocol'
import { factsColumn, type RecipientFacts } from '../messages/facts.ts'
import { Renderer } from '../messages/render.ts'
import type { Queryable } from '../store/database.ts'
import { type InboxEntry, type InboxKey, readEntries } from './read.ts'

export interface InboxContent {
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

/** A device without any of them reads what iOS would show. */
const GATEWAY_OF: Readonly<Record<string, GatewayName>> = {
  ios: 'apns',
  macos: 'apns',
  android: 'fcm',
  web: 'webpush',
  huawei: 'hms',
}

interface StoredContent {
  readonly id: string
  readonly content: Content
}

/** By message; those that can't be rendered for this device are left out. The entries are of one device. */
async function readContents(
  db: Queryable,
  { appId, entries }: { readonly appId: number; readonly entries: readonly InboxEntry[] },
): Promise<ReadonlyMap<string, InboxContent>> {
  const [first] = entries
  if (first === undefined) return new Map()
  const { rows } = await db.query<StoredContent>(
    'select id, content from message where id = any($1::uuid[])',
    [entries.map(it => it.messageId)],
  )
  const { platform, facts } = await readFacts(db, { appId, bucket: first.bucket, hwid: first.hwid })
  const gateway = GATEWAY_OF[platform ?? ''] ?? 'apns'
  return new Map(
    rows.flatMap(({ id, content }) => {
      const shown = render({ id, content }, gateway, facts)
      return shown === undefined ? [] : [[id, shown] as const]
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
} as const

async function readFacts(
  db: Queryable,
  { appId, bucket, hwid }: { readonly appId: number; readonly bucket: number; readonly hwid: string },
): Promise<{ readonly platform: string | null; readonly facts: RecipientFacts | null }> {
  const values: unknown[] = [bucket, appId, hwid]
  const { rows } = await db.query<{ platform: string | null; facts: RecipientFacts | null }>(
    `select a.platform, ${factsColumn(ALL_NEEDS, values)} as facts
       from device a where a.bucket = $1 and a.app_id = $2 and a.hwid = $3`,
    values,
  )
  return rows[0] ?? { platform: null, facts: null }
}

/** Nothing of how it is delivered matters here. */
const DELIVERY = { ttlSeconds: 0, priority: 'normal', collapseKey: null } as const

function render(
  { id, content }: StoredContent,
  gateway: GatewayName,
  facts: RecipientFacts | null,
): InboxContent | undefined {
  const counts = { shared: 0, personal: 0 }
  const renderer = new Renderer({ messageId: id, content, ...DELIVERY }, { gateway, counts })
  const rendered = renderer.notificationFor({ facts })
  if (rendered.kind !== 'notification') return undefined
  const { title, body, imageUrl: image, url, data } = rendered.notification
  return { title, body, image, url, data }
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
