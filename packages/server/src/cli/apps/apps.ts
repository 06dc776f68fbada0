/** What `roost apps` does, in the database itself; servers that run beside it hear of it at once. */
import { PushError } from '@roost/protocol'
import { type App, listApps } from '../../access/apps.ts'
import { archiveApp, deleteApp, unarchiveApp } from '../../access/archive.ts'
import { writeAudit } from '../../access/audit.ts'
import { readConfig, unknownSettings } from '../../config.ts'
import { openJobs } from '../../start/jobs.ts'
import type { Database } from '../../store/database.ts'
import { StartError } from '../../store/folder.ts'
import { systemClock } from '../../time.ts'
import { plain } from '../plain.ts'
import { tellUnknown } from '../unknown-settings.ts'

async function withDatabase(work: (db: Database) => Promise<void>): Promise<void> {
  tellUnknown(unknownSettings(process.env))
  const { context, close } = await openJobs(readConfig(process.env))
  try {
    await work(context.db)
  } catch (error) {
    if (error instanceof PushError) throw new StartError(error.message, 'roost apps list has what there is.')
    throw error
  } finally {
    await close()
  }
}

export async function list({ json }: { readonly json?: boolean }): Promise<void> {
  await withDatabase(async db => {
    const apps = (await listApps(db)).map(({ code, name, createdAt, archivedAt }) => ({
      code,
      name,
      createdAt,
      archivedAt,
    }))
    const words = plain(apps).map(
      ({ code, name, archivedAt }) =>
        `${code} ${name}${archivedAt === null ? '' : `, archived since ${archivedAt}`}`,
    )
    print(json ? JSON.stringify({ apps }) : words.join('\n') || 'no apps')
  })
}

export async function archive(code: string): Promise<void> {
  await change('archive', code, (db, at) => archiveApp(db, code, { at }))
}

export async function unarchive(code: string): Promise<void> {
  await change('unarchive', code, (db, at) => unarchiveApp(db, code, { at }))
}

/** The rows are taken away by the job "app-deletion" of a server. */
export async function remove(code: string, { name }: { readonly name: string }): Promise<void> {
  await change('delete', code, (db, at) => deleteApp(db, code, { name, at }))
}

const DONE = {
  archive: 'is archived; what was under way is paused',
  unarchive: 'is taken back; what was paused stays paused',
  delete: 'is deleted; a running server takes away what is left of it within minutes',
} as const

async function change(
  verb: keyof typeof DONE,
  code: string,
  make: (db: Database, at: number) => Promise<App>,
): Promise<void> {
  await withDatabase(async db => {
    const at = systemClock.now()
    const app = await make(db, at)
    const what = `roost apps ${verb}`
    const by = { kind: 'person', id: null, name: 'roost apps', sessionId: null } as const
    await writeAudit(db, { by, appId: app.id, what, subject: `${app.name} (${code})`, at })
    print(`${plain(app.name)} ${DONE[verb]}`)
  })
}

function print(text: string): void {
  process.stdout.write(`${text}\n`)
}
