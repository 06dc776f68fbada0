/**
 * Where calls name people besides their own rows: in the words of their pushes, whose data say who calls whom, and in what webhooks were
 * told. Both go whole: they are of two people, and nobody needs them once it does not ring any more.
 */
import type { Queryable } from '../../store/database.ts'
import type { Names } from './mentions.ts'

/** Also where the person called. Uses the index message_of_call; before the rows of calls are erased. */
export async function eraseFromCallMessages(tx: Queryable, { appId, users }: Names): Promise<number> {
  if (users.length === 0) return 0
  const { rowCount } = await tx.query(
    `with named as (
       select id from message
        where app_id = $1 and call_id is not null
          and (only_user = any($2::text[])
               or call_id in (select c.id from call c where c.app_id = $1 and c.user_id = any($2::text[])))
        order by id for no key update
     )
     update message m
        set target = '{"devices":[]}', content = '{}', only_user = null, warnings = null, remarks = null
       from named n where m.id = n.id`,
    [appId, users],
  )
  return rowCount
}

export async function eraseFromCallEvents(tx: Queryable, { appId, hwids, users }: Names): Promise<number> {
  const { rowCount } = await tx.query(
    `with named as (
       select id from webhook_event
        where app_id = $1 and type = 'call.changed'
          and (data ->> 'userId' = any($2::text[]) or data ->> 'by' = any($3::text[]))
        order by id for no key update
     )
     update webhook_event e
        set data = e.data || case when e.data ->> 'userId' = any($2::text[]) then '{"userId":null,"by":null}'::jsonb
                                  else '{"by":null}'::jsonb end
       from named n where e.id = n.id`,
    [appId, users, hwids],
  )
  return rowCount
}
