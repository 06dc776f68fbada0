/**
 * The messages of some apps that people look at: the newest, and those that are on their way. What has come to its end is read once; afterwards only
 * its receipts are, which its own row has: the batches of a big message by local time are thousands of rows.
 */
import type { LiveMessage } from '@roost/protocol'
import { readSummaries } from '../../messages/read.ts'
import type { Queryable } from '../../store/database.ts'
import type { OfApp } from './picture.ts'

const NEWEST = 20
const UNDER_WAY = 50

/** Uses the indexes message_newest, message_to_end and message_to_plan. */
const MARKS = `
  select a.id as "appId", m.id, m.state, m.finished_at as "finishedAt", m.delivered, m.opened
    from unnest($1::integer[]) as a (id)
    cross join lateral (
      (select id from message where app_id = a.id and knock is null and call_id is null order by created_at desc, id desc limit ${NEWEST})
      union
      (select id from message
        where app_id = a.id and state in ('sending', 'paused') and planned_at is not null and knock is null and call_id is null
        order by id desc limit ${UNDER_WAY})
      union
      (select id from message where app_id = a.id and state = 'scheduled' and knock is null and call_id is null order by send_at limit ${UNDER_WAY})
    ) shown
    join message m on m.id = shown.id
   order by m.created_at desc, m.id desc`

interface Mark {
  readonly appId: number
  readonly id: string
  readonly state: string
  readonly finishedAt: string | null
  readonly delivered: number
  readonly opened: number
}

export class MessageViews {
  #over = new Map<string, LiveMessage>()

  /** The newest first. */
  async read(db: Queryable, appIds: readonly number[]): Promise<OfApp<LiveMessage>[]> {
    const marks = (await db.query<Mark>(MARKS, [appIds])).rows
    const known = new Map(marks.flatMap(mark => this.#knownOf(mark)))
    const asked = marks.map(it => it.id).filter(id => !known.has(id))
    const read = asked.length === 0 ? [] : await readSummaries(db, asked)
    const views = new Map([...known, ...read.map(it => [it.id, it] as const)])
    this.#over = new Map([...views].filter(([, view]) => view.finishedAt !== null))
    return marks.flatMap(({ appId, id }) => {
      const value = views.get(id)
      return value === undefined ? [] : [{ appId, value }]
    })
  }

  /** With the receipts that have come since; nothing of one that is not over. */
  #knownOf({ id, state, finishedAt, delivered, opened }: Mark): [string, LiveMessage][] {
    const view = this.#over.get(id)
    if (view === undefined || finishedAt === null || view.finishedAt !== finishedAt || view.state !== state)
      return []
    return [[id, { ...view, counts: { ...view.counts, delivered, opened } }]]
  }
}
