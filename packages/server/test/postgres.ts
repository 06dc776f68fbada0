/**
 * One PostgreSQL for all test files: started before the first, with a template database that has the schema. A file
 * gets a clone of its own in about 30 ms (`cloneDatabase`), so no test sees another's rows.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import type { TestProject } from 'vitest/node'
import { Database } from '../src/store/database.ts'
import { startEmbeddedPostgres } from '../src/store/embedded.ts'
import { migrate, readMigrations } from '../src/store/migrate.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    /** Of the template's server, with the database "template" in its path. */
    templateUrl: string
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'roost-test-'))
  const server = await startEmbeddedPostgres({ dataDirectory: folder, fsync: false })
  const template = new URL(server.url)
  template.pathname = '/template'
  const admin = new pg.Client({ connectionString: server.url })
  await admin.connect()
  await admin.query('create database template')
  await admin.end()
  const db = new Database({ url: template.href })
  await migrate(db, await readMigrations())
  await db.close()
  project.provide('templateUrl', template.href)
  return async () => {
    await server.stop()
    await rm(folder, { recursive: true, force: true })
  }
}
