/** `roost segments` against a running server. */
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Access, type BareServer, SERVER_TOKEN, startBare } from '../../../test/bare.ts'
import { compile, compute, create, list, remove, show, size } from './calls.ts'
import { exportSegment } from './export.ts'

let server: BareServer
let app: Access
let folder: string
beforeAll(async () => {
  server = await startBare()
  app = await server.createApp()
  folder = await mkdtemp(join(tmpdir(), 'roost-test-'))
  for (const hwid of ['anna', 'ben']) await server.device(app, 'setTags', { hwid, tags: { tier: 'gold' } })
  await server.device(app, 'setTags', { hwid: 'carl', tags: { tier: 'silver' } })
})
afterAll(async () => {
  await server.close()
  await rm(folder, { recursive: true, force: true })
})

const GOLD = 'T("tier", EQ, "gold")'
const options = () => ({ app: app.app, url: server.url, token: SERVER_TOKEN })

/** The lines that a call prints. */
async function lines(run: (print: (line: string) => void) => Promise<void>): Promise<string[]> {
  const printed: string[] = []
  await run(line => printed.push(...line.split('\n')))
  return printed
}

test('a segment is made, listed, shown, counted and deleted, by its id, its code or its name', async () => {
  const [id = ''] = await lines(print => create('Gold', { ...options(), expression: GOLD }, print))
  const listed = await lines(print => list(options(), print))
  expect(listed).toEqual([expect.stringMatching(`^${id} \\w{5}-\\w{5} "Gold" live$`), `  ${GOLD}`])
  const [, code = ''] = (listed[0] as string).split(' ')
  for (const name of [id, code.toLowerCase(), 'Gold'])
    expect(await lines(print => show(name, options(), print))).toEqual(listed)
  expect(await lines(print => size('Gold', { ...options(), exact: true, reach: true }, print))).toEqual([
    expect.stringMatching(/^2 devices as of /),
    '  0 have or had an address, 0 of them alive, 0 of these may show something',
  ])
  expect(await lines(print => remove('Gold', options(), print))).toEqual([`deleted ${id} "Gold"`])
  expect(await lines(print => list(options(), print))).toEqual(['no segments'])
  await expect(show('Gold', options(), () => undefined)).rejects.toThrow('the app has no segment "Gold"')
})

test('a nightly one is made of JSON in a file, and computed when that is asked for', async () => {
  const file = join(folder, 'condition.json')
  await writeFile(file, '{"tag":"tier","op":"eq","value":"gold"}')
  const made = { ...options(), condition: `@${file}`, nightly: true, hour: 4 }
  await lines(print => create('Nightly', made, print))
  const shown = () => lines(print => show('Nightly', options(), print))
  await expect.poll(shown).toContainEqual(expect.stringMatching(/^ {2}2 members as of /))
  expect(await shown()).toContainEqual(expect.stringMatching(/^ {2}at 4 o’clock, next at /))
  expect(await lines(print => compute('Nightly', options(), print))).toEqual([
    expect.stringContaining('being computed'),
  ])
  const [json = ''] = await lines(print => show('Nightly', { ...options(), json: true }, print))
  expect(JSON.parse(json)).toMatchObject({ name: 'Nightly', mode: 'nightly', nightly: { hour: 4 } })
})

test('an expression is shown as JSON and with the number of those that it meets, and what is wrong with it with its place', async () => {
  const printed = await lines(print =>
    compile('t("tier", in, ["gold"])', { ...options(), exact: true }, print),
  )
  expect(printed).toEqual([
    'T("tier", IN, ["gold"])',
    '{"tag":"tier","op":"in","value":["gold"]}',
    expect.stringMatching(/^2 devices as of /),
  ])
  const [json = ''] = await lines(print =>
    compile(undefined, { ...options(), condition: '{"tag":"tier","op":"set"}', json: true }, print),
  )
  expect(JSON.parse(json)).toMatchObject({
    expression: 'T("tier", SET)',
    size: { estimate: expect.any(Number) },
  })
  await expect(compile('T("tier", like, 1)', options(), () => undefined)).rejects.toThrow(
    'expression, character 11: expected an operator',
  )
  await expect(compile(undefined, options(), () => undefined)).rejects.toThrow('it is not said who is meant')
  await expect(compile(undefined, { ...options(), condition: '{tag}' }, () => undefined)).rejects.toThrow(
    '--condition is no JSON',
  )
})

test('an export is written to a file that only its owner can read, or its link is told', async () => {
  await lines(print => create('Exported', { ...options(), expression: GOLD }, print))
  const output = join(folder, 'gold.zip')
  const asked = { ...options(), format: 'csv' as const, output, json: true }
  const [told = ''] = await lines(print => exportSegment('Exported', asked, print))
  expect(JSON.parse(told)).toMatchObject({ state: 'done', devices: 2, path: output })
  expect((await readFile(output)).subarray(0, 4).toString('latin1')).toBe('PK\x03\x04')
  expect((await stat(output)).mode & 0o777).toBe(0o600)
  const [link = '', words] = await lines(print =>
    exportSegment('Exported', { ...options(), format: 'ndjson', link: true, json: false }, print),
  )
  expect((await fetch(link)).status).toBe(200)
  expect(words).toMatch(/^ {2}2 devices, until /)
})

test('an export that fails says why', async () => {
  await server.rest('PUT', `/v1/apps/${app.app}/tags/shade`, { type: 'string' })
  const expression = 'T("shade", EQ, "red")'
  await lines(print => create('Shade', { ...options(), expression }, print))
  await server.db.query("update tag_definition set type = 'integer' where name = 'shade'")
  await expect(
    exportSegment('Shade', { ...options(), format: 'csv', json: true }, () => undefined),
  ).rejects.toThrow('the export failed: condition: segment')
})
