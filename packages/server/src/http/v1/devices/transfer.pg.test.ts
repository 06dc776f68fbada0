/** Imports in parts and exports over REST. */
import { randomBytes } from 'node:crypto'
import type { ImportDryRun, ImportView } from '@roost/protocol'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Access, type BareServer, SERVER_TOKEN, startBare } from '../../../../test/bare.ts'

let server: BareServer
let app: Access
beforeAll(async () => {
  server = await startBare()
  app = await server.createApp()
})
afterAll(() => server.close())

const authorization = `Bearer ${SERVER_TOKEN}`
const newToken = () => randomBytes(32).toString('hex')
const path = (rest: string) => `/v1/apps/${app.app}/${rest}`

async function begin(fields: Record<string, unknown>): Promise<ImportView> {
  const answer = await server.rest<ImportView>('POST', path('imports'), fields)
  expect(answer.status).toBe(201)
  return answer.body
}

async function sendPart(id: string, part: Buffer, query: string) {
  const answer = await fetch(`${server.url}${path(`imports/${id}/parts?${query}`)}`, {
    method: 'PUT',
    headers: { authorization, 'content-type': 'text/csv' },
    body: new Uint8Array(part),
  })
  return { status: answer.status, body: (await answer.json()) as ImportView & { code?: string } }
}

async function text(rest: string): Promise<string> {
  return (await fetch(`${server.url}${path(rest)}`, { headers: { authorization } })).text()
}

test('a file sent in parts that end anywhere is stored whole, each answer telling where the next one begins', async () => {
  const file = Buffer.from(
    `hwid,platform,pushToken\n${Array.from({ length: 500 }, (_, i) => `"p\n${i}",ios,${i % 10 === 3 ? 'bad' : newToken()}\n`).join('')}`,
  )
  const { id } = await begin({ mapping: 'roost', format: 'csv' })
  let offset = 0
  for (const size of [7, 1000, 13_131, 200, file.length]) {
    const part = file.subarray(offset, offset + size)
    const isFinal = offset + part.length === file.length
    const { status, body } = await sendPart(id, part, `offset=${offset}&final=${isFinal}`)
    expect(status).toBe(200)
    expect(body.byteOffset).toBeLessThanOrEqual(offset + part.length)
    offset = body.byteOffset
  }
  expect(offset).toBe(file.length)
  const done = await server.rest<ImportView>('GET', path(`imports/${id}`))
  expect(done.body).toMatchObject({ state: 'done', rows: 500, stored: 450, refused: 50 })
  const refusals = (await text(`imports/${id}/refusals?format=csv`)).trim().split('\n')
  expect(refusals[0]).toBe('row,line,field,code,detail')
  expect(refusals.slice(1).map(line => Number(line.split(',')[0]))).toEqual(
    Array.from({ length: 50 }, (_, i) => i * 10 + 4),
  )
  expect((await server.view(app, 'p\n7')).addresses).toMatchObject([{ state: 'active' }])
})

test('a part that does not begin where the import stands is refused with the place, and stores nothing', async () => {
  const { id } = await begin({ mapping: 'tokens', format: 'csv', platform: 'ios' })
  const file = Buffer.from(`token\n${newToken()}\n`)
  expect((await sendPart(id, file, 'offset=3')).body).toMatchObject({ code: 'import_moved' })
  expect((await sendPart(id, file, 'offset=0&final=true')).body).toMatchObject({ state: 'done', stored: 1 })
  const again = await sendPart(id, file, 'offset=0')
  expect(again.status).toBe(409)
  expect(again.body.code).toBe('import_moved')
})

test('an import of another app is unknown', async () => {
  const { id } = await begin({ mapping: 'roost', format: 'ndjson' })
  const other = await server.createApp()
  expect((await server.rest('GET', `/v1/apps/${other.app}/imports/${id}`)).status).toBe(404)
})

test('an export streams every device once, in both forms, without whole tokens unless they are asked for', async () => {
  app = await server.createApp()
  const tokens = Array.from({ length: 300 }, newToken)
  const { id } = await begin({ mapping: 'roost', format: 'csv' })
  const rows = tokens.map((token, i) => `e-${i},ios,${token}\n`).join('')
  await sendPart(id, Buffer.from(`hwid,platform,pushToken\n${rows}`), 'offset=0&final=true')
  const ndjson = await text('device-export')
  const hwids = ndjson
    .trim()
    .split('\n')
    .map(line => (JSON.parse(line) as { hwid: string }).hwid)
  expect(hwids.sort()).toEqual(tokens.map((_, i) => `e-${i}`).sort())
  expect(tokens.some(token => ndjson.includes(token))).toBe(false)
  const csv = await text('device-export?format=csv&tokens=full')
  expect(csv.trim().split('\n')).toHaveLength(301)
  expect(tokens.every(token => csv.includes(token))).toBe(true)
})

test('a dry run tells what a file would bring and what would be refused, and stores nothing', async () => {
  const fresh = await server.createApp()
  const file = `hwid,platform,pushToken,appVersion\nd-1,ios,${newToken()},2.0\nd-2,ios,bad,2.0\nd-3,android,,2.1\nd-4,ios,${newToken()}`
  const run = async (query: string) => {
    const answer = await fetch(`${server.url}/v1/apps/${fresh.app}/imports/dry-run?${query}`, {
      method: 'POST',
      headers: { authorization, 'content-type': 'text/csv' },
      body: file,
    })
    return { status: answer.status, body: (await answer.json()) as ImportDryRun }
  }
  const whole = await run('mapping=roost&format=csv')
  expect(whole).toMatchObject({ status: 200, body: { rows: 4, accepted: 3, refused: 1, withToken: 2 } })
  expect(whole.body.reasons).toMatchObject([{ rows: 1 }])
  expect(whole.body.cohorts).toContainEqual({
    platform: 'ios',
    appVersion: '2.0',
    lastSeen: 'unknown',
    rows: 1,
    withToken: 1,
  })
  // the last row may go on in the next part
  expect((await run('mapping=roost&format=csv&final=false')).body.rows).toBe(3)
  expect((await run('mapping=browser&format=csv')).status).toBe(400)
  const { body } = await server.rest<{ devices: unknown[] }>('GET', `/v1/apps/${fresh.app}/devices`)
  expect(body.devices).toEqual([])
})

test('the imports of an app are listed, the newest first, with the form of their files', async () => {
  app = await server.createApp()
  const older = await begin({ mapping: 'tokens', format: 'csv', platform: 'ios' })
  const newer = await begin({ mapping: 'roost', format: 'csv' })
  const { body } = await server.rest<{ imports: ImportView[] }>('GET', path('imports'))
  expect(body.imports.map(({ id, mapping }) => [id, mapping])).toEqual([
    [newer.id, 'roost'],
    [older.id, 'tokens'],
  ])
})
