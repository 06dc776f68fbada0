/**
 * Lists of ids: tens of thousands to millions, read as a stream and stored block by block. Adding is safe to repeat, so a
 * file that broke off is sent again, and a big one may come in several calls. Conditions see a list once its last part has
 * come, and see at once what is added to it later.
 *
 * Members are not bound to devices: one that registers later is in the list, too.
 */
import {
  type AddedToList,
  HWID_CHARACTERS,
  type ListKind,
  type ListView,
  PushError,
  USER_ID_CHARACTERS,
} from '@roost/protocol'
import { v7 as uuidv7 } from 'uuid'
import { bucketOf } from '../registry/buckets.ts'
import type { Database, Queryable } from '../store/database.ts'
import { BEGINNING, type Block, type Format, readBlocks } from '../transfer/blocks.ts'

/** People read that many of each, and ask for the rest. */
const SHOWN = 100

/** What differs between lists of devices and of users. `i` has the ids that are looked at, by their number in order. */
interface Kind {
  /** The column, as files call it, too. */
  readonly column: 'hwid' | 'user_id'
  readonly insert: string
  readonly remove: string
  readonly isKnown: string
  readonly unknown: string
  readonly charactersMax: number
}

const KINDS: Readonly<Record<ListKind, Kind>> = {
  devices: {
    column: 'hwid',
    insert: `insert into audience_list_device (bucket, app_id, hwid, list_id)
             select i.bucket, $1, i.id, $2 from ids i order by i.bucket, i.id on conflict do nothing`,
    remove: `delete from audience_list_device l using ids i
              where l.bucket = i.bucket and l.app_id = $1 and l.hwid = i.id and l.list_id = $2`,
    isKnown: 'exists (select from device d where d.bucket = i.bucket and d.app_id = $1 and d.hwid = i.id)',
    // Page by page, in the order of the primary key.
    unknown: `select l.bucket, l.hwid as id from audience_list_device l
               where l.app_id = $1 and l.list_id = $2 and (l.bucket, l.hwid) > ($3::smallint, $4::text)
                 and not exists (select from device d
                                  where d.bucket = l.bucket and d.app_id = l.app_id and d.hwid = l.hwid)
               order by l.bucket, l.hwid limit $5`,
    charactersMax: HWID_CHARACTERS,
  },
  users: {
    column: 'user_id',
    insert: `insert into audience_list_user (app_id, user_id, list_id)
             select $1, i.id, $2 from ids i order by i.id on conflict do nothing`,
    remove: `delete from audience_list_user l using ids i
              where l.app_id = $1 and l.user_id = i.id and l.list_id = $2`,
    isKnown: 'exists (select from device d where d.app_id = $1 and d.user_id = i.id)',
    unknown: `select 0 as bucket, l.user_id as id from audience_list_user l
               where l.app_id = $1 and l.list_id = $2 and $3::smallint is not null and l.user_id > $4::text
                 and not exists (select from device d where d.app_id = l.app_id and d.user_id = l.user_id)
               order by l.user_id limit $5`,
    charactersMax: USER_ID_CHARACTERS,
  },
}

const COLUMNS = 'id, name, kind, state, created_at as "createdAt", updated_at as "updatedAt"'

const count = (list: string) => `case ${list}.kind
    when 'devices' then (select count(*) from audience_list_device m where m.app_id = ${list}.app_id and m.list_id = ${list}.id)
    else (select count(*) from audience_list_user m where m.app_id = ${list}.app_id and m.list_id = ${list}.id) end`

export async function createList(
  db: Queryable,
  list: { readonly appId: number; readonly name: string; readonly kind: ListKind; readonly at: number },
): Promise<string> {
  const id = uuidv7()
  await db.query(
    'insert into audience_list (id, app_id, name, kind, created_at, updated_at) values ($1, $2, $3, $4, $5, $5)',
    [id, list.appId, list.name, list.kind, new Date(list.at)],
  )
  return id
}

export interface ListKey {
  readonly appId: number
  readonly id: string
}

/** Throws `list_unknown`. */
export async function readList(db: Queryable, { appId, id }: ListKey): Promise<ListView> {
  const { rows } = await db.query<ListView>(
    `select ${COLUMNS}, ${count('l')} as count from audience_list l where app_id = $1 and id = $2`,
    [appId, id],
  )
  return rows[0] ?? refuseUnknown(id)
}

/** Newest first. */
export async function listLists(db: Queryable, appId: number): Promise<ListView[]> {
  const { rows } = await db.query<ListView>(
    `with counts as (
       select list_id, count(*) as count from audience_list_device where app_id = $1 group by 1
       union all
       select list_id, count(*) from audience_list_user where app_id = $1 group by 1
     )
     select ${COLUMNS}, coalesce(c.count, 0) as count from audience_list l left join counts c on c.list_id = l.id
      where app_id = $1 order by created_at desc, id desc`,
    [appId],
  )
  return rows
}

/** Without its count, which takes seconds with millions of ids. Throws `list_unknown`. */
export async function readKind(db: Queryable, { appId, id }: ListKey): Promise<ListKind> {
  const { rows } = await db.query<{ kind: ListKind }>(
    'select kind from audience_list where app_id = $1 and id = $2',
    [appId, id],
  )
  return rows[0]?.kind ?? refuseUnknown(id)
}

function refuseUnknown(id: string): never {
  throw new PushError('list_unknown', `this app has no list ${id}`)
}

export async function renameList(db: Queryable, { appId, id }: ListKey, name: string): Promise<void> {
  await db.query('update audience_list set name = $3 where app_id = $1 and id = $2', [appId, id, name])
}

/** What came of adding, so far. */
export type Added = Omit<AddedToList, 'list'>

interface Adding extends ListKey {
  /** Whether this is all: conditions may name the list from then on. */
  readonly isFinal: boolean
  /** ms; asked for at each block. */
  readonly now: () => number
}

/** From a file: CSV with a column `hwid` or `user_id`, or of one column without a header; or NDJSON, ids or objects. */
export async function addFile(
  db: Database,
  file: Adding & { readonly source: AsyncIterable<Buffer>; readonly format: Format },
): Promise<AddedToList> {
  const kind = await readKind(db, file)
  const { column, charactersMax } = KINDS[kind]
  const columns = { oneOf: [column], alone: column, others: {} }
  const added = new Totals()
  const options = { format: file.format, from: BEGINNING, isFinal: true, columns }
  for await (const block of readBlocks(file.source, options)) {
    const { ids, refusals } = idsOf(block, column, charactersMax)
    added.refuse(refusals)
    await change(db, { ...file, kind, ids, added })
  }
  return finish(db, file, added)
}

/** Ids one by one; removing those that are not in it changes nothing. */
export async function changeList(
  db: Database,
  changes: Adding & { readonly add: readonly string[]; readonly remove: readonly string[] },
): Promise<AddedToList> {
  const kind = await readKind(db, changes)
  const added = new Totals()
  await change(db, { ...changes, kind, ids: changes.add, added })
  await removeIds(db, { ...changes, kind, ids: changes.remove })
  return finish(db, changes, added)
}

async function finish(db: Queryable, adding: Adding, added: Totals): Promise<AddedToList> {
  if (adding.isFinal)
    await db.query(
      "update audience_list set state = 'ready', updated_at = $3 where app_id = $1 and id = $2",
      [adding.appId, adding.id, new Date(adding.now())],
    )
  return { list: await readList(db, adding), ...added.all() }
}

class Totals {
  #added = 0
  #unknown = 0
  #refused = 0
  readonly #unknownIds: string[] = []
  readonly #refusals: Refusal[] = []

  add(added: number, unknownIds: readonly string[]): void {
    this.#added += added
    this.#unknown += unknownIds.length
    this.#unknownIds.push(...unknownIds.slice(0, SHOWN - this.#unknownIds.length))
  }

  refuse(refusals: readonly Refusal[]): void {
    this.#refused += refusals.length
    this.#refusals.push(...refusals.slice(0, SHOWN - this.#refusals.length))
  }

  all(): Added {
    return {
      added: this.#added,
      unknown: this.#unknown,
      unknownIds: this.#unknownIds,
      refused: this.#refused,
      refusals: this.#refusals,
    }
  }
}

interface Refusal {
  readonly line: number
  readonly detail: string
}

function idsOf(block: Block, column: string, charactersMax: number) {
  const refusals: Refusal[] = block.unread.map(({ line, detail }) => ({ line, detail }))
  const ids = new Set<string>()
  for (const { line, fields } of block.records) {
    const given = fields[column] ?? fields.value // a line of NDJSON that is an id alone
    const id = typeof given === 'number' ? String(given) : given
    const problem = problemOf(id, column, charactersMax)
    if (problem === undefined) ids.add((id as string).trim())
    else refusals.push({ line, detail: problem })
  }
  return { ids: [...ids], refusals }
}

function problemOf(id: unknown, column: string, charactersMax: number): string | undefined {
  if (typeof id !== 'string' || id.trim() === '') return `it has no ${column}`
  if (id.length > charactersMax) return `its ${column} has ${id.length} characters, at most ${charactersMax}`
  return id.includes('\0') ? `its ${column} has a zero character` : undefined
}

interface Change extends ListKey {
  readonly kind: ListKind
  readonly ids: readonly string[]
  readonly now: () => number
}

const IDS = 'with ids as materialized (select * from unnest($3::text[], $4::smallint[]) as i (id, bucket))'

function valuesOf({ appId, id, ids }: Change): unknown[] {
  return [appId, id, ids, ids.map(bucketOf)]
}

async function change(db: Database, adding: Change & { readonly added: Totals }): Promise<void> {
  const { kind, ids, added } = adding
  if (ids.length === 0) return
  await db.transaction(async tx => {
    await lockList(tx, adding)
    const { rowCount } = await tx.query(`${IDS} ${KINDS[kind].insert}`, valuesOf(adding))
    const { rows } = await tx.query<{ id: string }>(
      `${IDS} select i.id from ids i where not ${KINDS[kind].isKnown} and $2::uuid is not null`,
      valuesOf(adding),
    )
    added.add(
      rowCount,
      rows.map(it => it.id),
    )
  })
}

async function removeIds(db: Database, removing: Change): Promise<void> {
  if (removing.ids.length === 0) return
  await db.transaction(async tx => {
    await lockList(tx, removing)
    await tx.query(`${IDS} ${KINDS[removing.kind].remove}`, valuesOf(removing))
  })
}

/** One writer at a time, and none once the list is being deleted. Throws `list_unknown`. */
async function lockList(tx: Queryable, { appId, id, now }: Change): Promise<void> {
  const { rowCount } = await tx.query(
    'update audience_list set updated_at = $3 where app_id = $1 and id = $2',
    [appId, id, new Date(now())],
  )
  if (rowCount === 0) refuseUnknown(id)
}

/** How many ids a page of the unknown has. */
const PAGE = 5000

/** Ids that this app knows no device of now, in pages. */
export async function* readUnknown(
  db: Queryable,
  { appId, id, kind }: ListKey & { readonly kind: ListKind },
): AsyncGenerator<readonly string[], void, undefined> {
  let after = { bucket: 0, id: '' }
  for (;;) {
    const { rows } = await db.query<{ bucket: number; id: string }>(KINDS[kind].unknown, [
      appId,
      id,
      after.bucket,
      after.id,
      PAGE,
    ])
    if (rows.length > 0) yield rows.map(it => it.id)
    if (rows.length < PAGE) return
    after = rows[rows.length - 1] as { bucket: number; id: string }
  }
}
