/** A database of its own for a test file, cloned from the template. */
import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { inject } from 'vitest'

export interface TestDatabase {
  readonly url: string
  drop(): Promise<void>
}

export function cloneDatabase(): Promise<TestDatabase> {
  return createFrom('template')
}

/** Without the schema: for tests of the migrations themselves. */
export function emptyDatabase(): Promise<TestDatabase> {
  return createFrom('template0')
}

async function createFrom(source: 'template' | 'template0'): Promise<TestDatabase> {
  const template = new URL(templateUrl())
  const name = `t_${randomUUID().replaceAll('-', '')}`
  const admin = new URL(template)
  admin.pathname = '/postgres'
  // Half of what the default takes, which writes each page to the log as well.
  await runOnce(admin.href, `create database ${name} template ${source} strategy file_copy`)
  const url = new URL(template)
  url.pathname = `/${name}`
  return { url: url.href, drop: () => runOnce(admin.href, `drop database ${name} with (force)`) }
}

/** Of this worker's server; workers are numbered from 1 on. Source: vitest.dev, "Migration", VITEST_POOL_ID. */
export function templateUrl(): string {
  const urls = inject('templateUrls')
  const { VITEST_POOL_ID = '1' } = process.env
  return urls[(Number(VITEST_POOL_ID) - 1) % urls.length] as string
}

async function runOnce(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(sql)
  } finally {
    await client.end()
  }
}
