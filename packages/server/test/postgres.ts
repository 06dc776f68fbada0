/**
 * A PostgreSQL for each worker, started before the first test file, with a template database that has the schema. A file gets a clone
 * of its own in about 30 ms (`cloneDatabase`), so no test sees another's rows. Nor do files that run side by side share a server: an
 * open transaction of any database holds up what waits for all older ones to end, as the feed of removals does.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import type { TestProject } from 'vitest/node'
import { loadGraphileWorker } from '../src/jobs/graphile-worker.ts'
import { Database } from '../src/store/database.ts'
import { startEmbeddedPostgres } from '../src/store/embedded.ts'
import { migrate, readMigrations } from '../src/store/migrate.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    /** One a worker, with the database "template" in its path. */
    templateUrls: string[]
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const servers = await Promise.all(Array.from({ length: project.vitest.config.maxWorkers }, startServer))
  project.provide(
    'templateUrls',
    servers.map(it => it.templateUrl),
  )
  return async () => {
    await Promise.all(servers.map(it => it.stop()))
  }
}

async function startServer(): Promise<{ readonly templateUrl: string; stop(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'roost-test-'))
  const server = await startEmbeddedPostgres({ dataDirectory: folder, fsync: false })
  const template = new URL(server.url)
  template.pathname = '/template'
  const admin = new pg.Client({ connectionString: server.url })
  await admin.connect()
  await makeLogInsCheap(admin)
  await admin.query('create database template')
  await admin.end()
  await makeSchema(template.href)
  return {
    templateUrl: template.href,
    stop: async () => {
      await server.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** A server under test opens some 25 connections, and the 4096 rounds of each log-in take longer than what it then asks. */
async function makeLogInsCheap(admin: pg.Client): Promise<void> {
  await admin.query('set scram_iterations = 1')
  await admin.query(`alter role current_user password ${pg.escapeLiteral(admin.password ?? '')}`)
}

/** That of the jobs, too, which the first start makes on a new database: as long a work as all else of a start. */
async function makeSchema(url: string): Promise<void> {
  const db = new Database({ url })
  await migrate(db, await readMigrations())
  await db.close()
  const worker = await loadGraphileWorker()
  const silent = new worker.Logger(() => () => undefined)
  await worker.runMigrations({ connectionString: url, logger: silent })
}
