/**
 * The end of an app, in two steps, so that nothing is lost by one wrong click:
 *
 *   serving ──archive──▶ archived ──delete──▶ being deleted ──(deletion.ts)──▶ gone
 *      ▲                    │
 *      └─────unarchive──────┘
 *
 * An archived app keeps all it has. It takes no devices and sends nothing: what was under way is paused, and stays so when the app is taken
 * back, since nobody means a message of months ago any more. What takes something out of the base is served on, or who unregisters or
 * logs out meanwhile would get pushes afterwards.
 */
import { PushError } from '@roost/protocol'
import type { Database, Queryable, Transaction } from '../store/database.ts'
import { type App, lockApp } from './apps.ts'

interface Moment {
  /** ms. */
  readonly at: number
}

/** One that is archived stays so. Throws `app_unknown`. */
export async function archiveApp(db: Database, code: string, { at }: Moment): Promise<App> {
  return db.transaction(async tx => {
    // Whoever is making a message has it by now, or finds the app archived (messages/create.ts).
    const app = await lockApp(tx, code)
    if (app.archivedAt !== null) return app
    await tx.query('update app set archived_at = $2 where id = $1', [app.id, new Date(at)])
    await stopSending(tx, app.id, at)
    tellAll(tx)
    return { ...app, archivedAt: new Date(at).toISOString() }
  })
}

/** One that is not archived stays so. Throws `app_unknown`. */
export async function unarchiveApp(db: Database, code: string, { at }: Moment): Promise<App> {
  return db.transaction(async tx => {
    const app = await lockApp(tx, code)
    if (app.archivedAt === null) return app
    await tx.query('update app set archived_at = null, restored_at = $2 where id = $1', [
      app.id,
      new Date(at),
    ])
    tellAll(tx)
    return { ...app, archivedAt: null }
  })
}

/**
 * From the answer on it is gone for everybody, its tokens and roles, too; deletion.ts takes its rows away. `name`: as whoever deletes it
 * has typed it. Throws `app_unknown`, `app_not_archived`, `input_invalid` for another name.
 */
export async function deleteApp(
  db: Database,
  code: string,
  { name, at }: Moment & { readonly name: string },
): Promise<App> {
  return db.transaction(async tx => {
    const app = await lockApp(tx, code)
    if (app.archivedAt === null)
      throw new PushError('app_not_archived', `app ${code} is not archived, and so can't be deleted`)
    if (name.trim() !== app.name) throw new PushError('input_invalid', 'name: it is not the name of this app')
    await tx.query('update app set deleted_at = $2 where id = $1', [app.id, new Date(at)])
    await tx.query('update api_token set revoked_at = $2 where app_id = $1 and revoked_at is null', [
      app.id,
      new Date(at),
    ])
    await tx.query('delete from person_role where app_id = $1', [app.id])
    await tx.query('delete from member_invitation where app_id = $1', [app.id])
    await tx.query('update webhook set is_active = false where app_id = $1', [app.id])
    tellAll(tx)
    return app
  })
}

/** Schedules and triggers first: they make messages. */
async function stopSending(tx: Queryable, appId: number, at: number): Promise<void> {
  const ofApp = [appId]
  await tx.query(
    "update schedule set state = 'paused', next_run_at = null, retry_at = null where app_id = $1 and state = 'active'",
    ofApp,
  )
  // Waits for whoever takes what is due of one (messages/triggers/rounds.ts), so no round is opened afterwards.
  await tx.query(
    "update trigger set state = 'paused', retry_at = null where app_id = $1 and state = 'active'",
    ofApp,
  )
  await tx.query('update test_invitation set expires_at = $2 where app_id = $1 and expires_at > $2', [
    appId,
    new Date(at),
  ])
  // Uninstall tracking is not switched off: it knocks for no app that is archived (hygiene/uninstalls/days.ts).
  await tx.query(
    "update message set state = 'paused' where app_id = $1 and state in ('scheduled', 'sending')",
    ofApp,
  )
}

/** Servers that believe in what was, and workers that send. */
function tellAll(tx: Transaction): void {
  tx.announce('access')
  tx.announce('control')
}
