/** The pages that users read are held to the code, both ways. */
import { readFile } from 'node:fs/promises'
import { ERRORS, type ErrorSpec, WEBHOOK_EVENTS } from '@roost/protocol'
import { expect, test } from 'vitest'
import { MEANINGS } from './credentials/problems.ts'
import { FILTER_METHODS } from './http/compat/filters.ts'
import { MESSAGE_METHODS } from './http/compat/messages/route.ts'
import { METHODS } from './http/compat/methods.ts'
import { JOBS } from './jobs/jobs.ts'

function page(name: string): Promise<string> {
  return readFile(new URL(`../../../docs/${name}`, import.meta.url), 'utf8')
}

test('docs/errors.md lists every error of the API with its status and remedy, and no other', async () => {
  const rows = [...(await page('errors.md')).matchAll(/^\| `(\w+)` \| (\d+) \| (.+) \|$/gm)]
  const listed = Object.fromEntries(
    rows.map(([, code, status, remedy]) => [code, { status: Number(status), remedy }]),
  )
  const known = Object.entries(ERRORS).map(([code, { status, remedy }]) => [code, { status, remedy }])
  expect(listed).toEqual(Object.fromEntries(known))
})

test('in the envelope of the device protocol no remedy goes by what it does not have', () => {
  const remedies = Object.entries<ErrorSpec>(ERRORS)
    .filter(([code]) => !/^(credential|webhook|undo|import|alert|winner|schedule|trigger|list)_/.test(code)) // answered over REST alone
    .map(([, { remedy, deviceRemedy = remedy }]) => deviceRemedy)
  expect(remedies.filter(it => /`detail`|idempotencyKey|GET …/.test(it))).toEqual([])
})

test('docs/configuration.md lists every variable that is read, and no other', async () => {
  const listed = [...(await page('configuration.md')).matchAll(/^\| `(ROOST_\w+)` \|/gm)].map(it => it[1])
  const source = await readFile(new URL('./config.ts', import.meta.url), 'utf8')
  const read = [...source.matchAll(/^ {2}(ROOST_\w+):/gm)].map(it => it[1])
  expect(listed).toEqual(read)
})

test('docs/device-api.md lists every method that is served, and no other', async () => {
  const listed = [...(await page('device-api.md')).matchAll(/^\| `(\w+)` \|.*\|.*\|$/gm)].map(it => it[1])
  expect(listed.sort()).toEqual([...METHODS.keys()].sort())
})

test('docs/compat-messages.md lists every messaging call that is served, and no other', async () => {
  const listed = [...(await page('compat-messages.md')).matchAll(/^\| `(\w+)` \|.*\|.*\|$/gm)].map(
    it => it[1],
  )
  expect(listed).toEqual([...Object.keys(MESSAGE_METHODS), ...Object.keys(FILTER_METHODS)])
})

test('docs/gateway-answers.md is what its tables say', async () => {
  const { pageOf, readTables } = (await import(
    new URL('../../../scripts/write-gateway-answers.mjs', import.meta.url).href
  )) as { pageOf(tables: unknown): string; readTables(): unknown }
  expect(await page('gateway-answers.md'), 'run node scripts/write-gateway-answers.mjs').toBe(
    pageOf(readTables()),
  )
})

/** Rows of the table below a heading of a page. */
async function rowsOf(name: string, heading: string): Promise<string[][]> {
  const [, section = ''] = (await page(name)).split(`## ${heading}\n`)
  const rows = [...(section.split('\n## ')[0] ?? '').matchAll(/^\| `([\w.-]+)` \| (.+) \|$/gm)]
  return rows.map(([, name = '', rest = '']) => [name, ...rest.split(' | ')])
}

test('docs/credentials.md lists every problem with its meaning, and no other', async () => {
  const listed = await rowsOf('credentials.md', 'Checks')
  const ofOurs = new Set(['certificate_expiring', 'refused'])
  expect(listed.filter(([code = '']) => !ofOurs.has(code))).toEqual(
    MEANINGS.map(({ code, message }) => [code, message]),
  )
  expect(listed.filter(([code = '']) => ofOurs.has(code))).toHaveLength(ofOurs.size)
})

test('docs/webhooks.md lists every event of webhooks, and no other', async () => {
  expect((await rowsOf('webhooks.md', 'Events')).map(([name]) => name)).toEqual([...WEBHOOK_EVENTS])
})

test('docs/hygiene.md lists every job, and no other', async () => {
  const jobs = Object.entries(JOBS).map(([name, { cron, does }]) => [
    name,
    cron(0) === '* * * * *' ? 'every minute' : 'daily',
    does,
  ])
  expect(await rowsOf('hygiene.md', 'Background jobs')).toEqual(jobs)
})
