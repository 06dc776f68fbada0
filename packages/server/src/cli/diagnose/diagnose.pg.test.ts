/** `roost diagnose` against a running server. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { SERVER_TOKEN, startRoost, type TestRoost } from '../../../test/roost.ts'
import { type DiagnoseOptions, diagnoseFrom } from './diagnose.ts'

let roost: TestRoost
let token: string
beforeAll(async () => {
  roost = await startRoost()
  token = (await roost.phone('ios', { hwid: 'd-ada', userId: 'ada' })).token as string
  await roost.rest('PATCH', `/v1/apps/${roost.app}/devices/d-ada`, { permission: 'denied' })
})
afterAll(() => roost.close())

async function run(who: string | undefined, options: Partial<DiagnoseOptions> = {}): Promise<string> {
  const pages: string[] = []
  const given = {
    app: roost.app,
    url: roost.url,
    token: SERVER_TOKEN,
    lang: 'en',
    hasColors: false,
    timeZone: 'Asia/Tokyo',
  }
  await diagnoseFrom(who, { ...given, ...options }, it => pages.push(it))
  expect(pages).toHaveLength(1)
  return pages[0] as string
}

test('a device is found by its hwid, its token or its user, without saying which it is', async () => {
  for (const who of ['d-ada', token, 'ada']) {
    const lines = (await run(who)).split('\n')
    expect(lines[0]).toBe('d-ada, ios, user ada (now): could not')
    expect(lines[1]).toBe('    proven DX-45, blocks')
    expect(lines[2]).toBe('        Notifications are turned off for the app on the device.')
    expect(lines).toContain('        user:')
    expect(lines.some(it => /^ {8}→ Allow notifications for the app/.test(it))).toBe(true)
    expect(lines.every(it => it.length <= 100)).toBe(true)
  }
  expect(await run('ada', { as: 'device' })).toContain('No device was found')
})

test('what a stranger named its device or its user neither paints the terminal nor forges a line', async () => {
  const phone = { hwid: 'd-\x1b[2J', userId: 'eve\nd-ada, ios (now): could receive\x9b31m' }
  await roost.phone('android', phone)
  const page = await run('d-\x1b[2J')
  expect(page.split('\n')[0]).toBe(
    String.raw`d-\u001b[2J, android, user eve\nd-ada, ios (now): could receive\u009b31m (now): could receive`,
  )
  expect(page.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u)
})

test('the labels are in the language of the texts, and what is ruled out has its title', async () => {
  const lines = (await run('d-ada', { lang: 'pt' })).split('\n')
  expect(lines[0]).toBe('d-ada, ios, usuário ada (agora): não pode receber')
  expect(lines[1]).toBe('    comprovado DX-45, bloqueia')
  expect(lines).toContain('        quem usa o dispositivo:')
  expect((await run('d-ada')).replaceAll(/\s+/g, ' ')).toContain('Ruled out: DX-30')
  expect((await run('d-ada')).replaceAll(/\s+/g, ' ')).toContain('DX-33 No token;')
})

test('who is nobody is told as such, with what may be the matter', async () => {
  const page = await run('nobody-at-all')
  expect(page).toContain('No device was found (now)')
  // It may be meant as any of them.
  for (const kind of ['hwid', 'token', 'user']) expect(page).toMatch(new RegExp(`No device .*this ${kind}`))
  expect(await run('nobody-at-all', { as: 'user' })).not.toContain('hwid')
})

test('of a message it tells what became of it there', async () => {
  const { id } = await roost.sendAndSettle({ to: { users: ['ada'] }, content: { title: 'Hello' } })
  const page = await run('d-ada', { message: id })
  expect(page.split('\n')[0]).toBe(`d-ada, ios, user ada (message ${id}): skipped`)
  expect(page).toContain('DX-45')
})

test('with --json it prints what the server says', async () => {
  expect(JSON.parse(await run('d-ada', { json: true }))).toMatchObject({
    lang: 'en',
    devices: [{ hwid: 'd-ada', outcome: 'could_not', findings: [{ rule: 'DX-45', verdict: 'proven' }] }],
  })
})

test('without a device it lays out where a message was lost', async () => {
  await roost.phone('ios', { hwid: 'd-bo' })
  const { id } = await roost.sendAndSettle({
    to: { devices: ['d-ada', 'd-bo', 'd-none'] },
    content: { title: 'Hi' },
  })
  const lines = (await run(undefined, { message: id })).split('\n')
  expect(lines[0]).toBe(`Message ${id}`)
  expect(lines.some(it => /^ {4}Meant +3 +█{24}$/.test(it.trimEnd()))).toBe(true)
  expect(lines.some(it => /^ {4}Has an address +2 +█+ +−1$/.test(it))).toBe(true)
  expect(lines).toContain('1 (33.3 %) DX-45 Notifications not allowed: skipped, no_permission')
  expect(JSON.parse(await run(undefined, { message: id, json: true }))).toMatchObject({ messageId: id })
  await expect(run(undefined)).rejects.toThrow('it is not said what to diagnose')
})
