/** `roost schedules` and `roost triggers` against a running server. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Access, type BareServer, SERVER_TOKEN, startBare } from '../../../test/bare.ts'
import { change, create, list, type Print, remove, show } from './calls.ts'

let server: BareServer
let app: Access
let folder: string
beforeAll(async () => {
  server = await startBare()
  app = await server.createApp()
  folder = await mkdtemp(join(tmpdir(), 'roost-test-'))
})
afterAll(async () => {
  await server.close()
  await rm(folder, { recursive: true, force: true })
})

const options = () => ({ app: app.app, url: server.url, token: SERVER_TOKEN })

/** The lines that a call prints. */
async function lines(run: (print: Print) => Promise<void>): Promise<string[]> {
  const printed: string[] = []
  await run(line => printed.push(...line.split('\n')))
  return printed
}

async function fileOf(value: unknown): Promise<string> {
  const path = join(folder, 'made.json')
  await writeFile(path, typeof value === 'string' ? value : JSON.stringify(value))
  return path
}

const MESSAGE = { content: { title: 'Hello' } }
const MADE = [
  [
    'schedule',
    { name: 'News', cron: '0 9 * * 1', timeZone: 'UTC', message: { to: { all: true }, ...MESSAGE } },
    [/^ {2}0 9 \* \* 1 in UTC$/, /^ {2}next at \S+T09:00:00\.000Z; never run yet$/],
    /no next run; never run yet$/,
  ],
  [
    'trigger',
    {
      name: 'News',
      event: 'added',
      delaySeconds: 60,
      oncePerDays: 7,
      cancelledBy: ['bought'],
      message: MESSAGE,
    },
    [
      /^ {2}on added, after 60 s, once in 7 days, cancelled by bought$/,
      /^ {2}0 waiting, 0 targeted, 0 accepted, 0 opened$/,
    ],
    /0 waiting/,
  ],
] as const

test.each(MADE)(
  'a %s is made of a file, listed, shown, paused, resumed and deleted by its id or its name',
  async (kind, made, words, whenPaused) => {
    const file = await fileOf(made)
    const [head = '', ...rest] = await lines(print => create(kind, { ...options(), file }, print))
    expect(head).toMatch(/^\S{36} "News" active$/)
    expect(rest).toEqual(words.map(it => expect.stringMatching(it)))
    const [id = ''] = head.split(' ')
    for (const given of [id.toUpperCase(), 'news'])
      expect(await lines(print => show(kind, { ...options(), given }, print))).toEqual([head, ...rest])
    expect(await lines(print => list(kind, options(), print))).toEqual([head, ...rest])
    const by = { ...options(), given: 'News' }
    const paused = await lines(print => change(kind, { ...by, verb: 'pause' }, print))
    expect([paused[0], paused[2]]).toEqual([`${id} "News" paused`, expect.stringMatching(whenPaused)])
    const resumed = await lines(print => change(kind, { ...by, verb: 'resume' }, print))
    expect(resumed[0]).toBe(head)
    expect(await lines(print => remove(kind, by, print))).toEqual([`deleted ${id} "News"`])
    expect(await lines(print => list(kind, options(), print))).toEqual([`no ${kind}s`])
    await expect(show(kind, by, () => undefined)).rejects.toMatchObject({
      message: `the app has no ${kind} "News"`,
      remedy: `\`roost ${kind}s list\` shows those that it has.`,
    })
  },
)

test('scripts get one line of JSON', async () => {
  const [kind, made] = MADE[0]
  const json = { ...options(), json: true }
  const [line = ''] = await lines(async print => create(kind, { ...json, file: await fileOf(made) }, print))
  const { id } = JSON.parse(line)
  const [listed = ''] = await lines(print => list(kind, json, print))
  expect(JSON.parse(listed).schedules).toMatchObject([{ id, name: 'News' }])
  expect(await lines(print => remove(kind, { ...json, given: id }, print))).toEqual([JSON.stringify({ id })])
})

test('a file that is no JSON, or none at all, and what the server refuses, is told with what to do', async () => {
  const file = await fileOf('{')
  await expect(create('trigger', { ...options(), file }, () => undefined)).rejects.toThrow('is no JSON')
  const missing = join(folder, 'missing.json')
  await expect(create('trigger', { ...options(), file: missing }, () => undefined)).rejects.toThrow(
    "can't be read",
  )
  const bad = await fileOf({ name: 'x', cron: 'never', message: { to: { all: true }, ...MESSAGE } })
  await expect(create('schedule', { ...options(), file: bad }, () => undefined)).rejects.toThrow('cron')
})
