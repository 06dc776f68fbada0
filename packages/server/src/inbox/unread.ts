/**
 * The unread entries of many devices at once, for the badges of a chunk. What can't be rendered for a device is not in its
 * inbox, so it must not count either: a badge that nothing stands behind can't be read away. Most contents show something
 * to everybody, and of those their number is enough.
 */
import { setImmediate } from 'node:timers/promises'
import { bucketOf } from '../registry/buckets.ts'
import type { Queryable } from '../store/database.ts'
import { EntryRenderer, readManyFacts, STORED_CONTENT, type StoredContent } from './content.ts'
import { fillBuckets } from './members.ts'
import { ENTRIES, READ } from './read.ts'

interface Devices {
  readonly appId: number
  readonly hwids: readonly string[]
  /** ms. */
  readonly at: number
}

interface UnreadEntries {
  readonly hwid: string
  /** Of messages (`inbox_message.number`). */
  readonly numbers: readonly number[]
}

/** How many unread entries each of these devices has, by hwid; those without any are left out. */
export async function countUnread(db: Queryable, devices: Devices): Promise<Map<string, number>> {
  const unread = await readUnread(db, devices)
  const personal = await readPersonal(db, new Set(unread.flatMap(it => it.numbers)))
  const isPersonal = ({ numbers }: UnreadEntries) => numbers.some(it => personal.has(it))
  const hidden = await countHidden(db, { ...devices, unread: unread.filter(isPersonal), personal })
  return new Map(
    unread.flatMap(({ hwid, numbers }) => {
      const count = numbers.length - (hidden.get(hwid) ?? 0)
      return count === 0 ? [] : [[hwid, count] as const]
    }),
  )
}

async function readUnread(db: Queryable, { appId, hwids, at }: Devices): Promise<UnreadEntries[]> {
  const buckets = hwids.map(bucketOf)
  await fillBuckets(db, { appId, buckets, at })
  const { rows } = await db.query<UnreadEntries>(
    `select hwid, json_agg(number) as numbers from (${ENTRIES}) e
      where not "isGone" and coalesce(status, 0) < ${READ} group by hwid`,
    [appId, buckets, hwids, new Date(at), null, null, false],
  )
  return rows
}

/** Those that may show nothing to somebody: with templates, with words of a language or a gateway, with variants, or erased. */
const PERSONAL = `
  select i.number, ${STORED_CONTENT}
    from inbox_message i join message m on m.id = i.message_id
   where i.number = any($1::bigint[])
     and (m.experiment is not null or m.content ?| array['languages', 'apns', 'fcm', 'webPush', 'hms'] or not m.content ?| array['title', 'body']
       or strpos(m.content::text, '{{') > 0 or strpos(m.content::text, '{%') > 0)`

async function readPersonal(
  db: Queryable,
  numbers: ReadonlySet<number>,
): Promise<ReadonlyMap<number, StoredContent>> {
  if (numbers.size === 0) return new Map()
  const { rows } = await db.query<StoredContent & { readonly number: number }>(PERSONAL, [[...numbers]])
  return new Map(rows.map(({ number, ...content }) => [number, content]))
}

/** By hwid. Between two devices others have their turn, since templates take their time. */
async function countHidden(
  db: Queryable,
  {
    appId,
    unread,
    personal,
  }: Pick<Devices, 'appId'> & {
    readonly unread: readonly UnreadEntries[]
    readonly personal: ReadonlyMap<number, StoredContent>
  },
): Promise<ReadonlyMap<string, number>> {
  const hidden = new Map<string, number>()
  if (unread.length === 0) return hidden
  const renderer = new EntryRenderer()
  const facts = await readManyFacts(db, { appId, hwids: unread.map(it => it.hwid) })
  for (const { hwid, numbers } of unread) {
    const contents = numbers.flatMap(it => personal.get(it) ?? [])
    const viewer = facts.get(hwid)
    hidden.set(hwid, contents.filter(it => renderer.render(it, viewer) === undefined).length)
    await setImmediate()
  }
  return hidden
}
