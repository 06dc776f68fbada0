/** `roost send` against a running server. */
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { BUNDLE_ID, SERVER_TOKEN, startRoost, type TestRoost } from '../../../test/roost.ts'
import { type SendOptions, sendMessage } from './send.ts'

let roost: TestRoost
let folder: string
beforeAll(async () => {
  roost = await startRoost()
  folder = await mkdtemp(join(tmpdir(), 'roost-test-'))
})
afterAll(async () => {
  await roost.close()
  await rm(folder, { recursive: true, force: true })
})

async function run(options: Partial<SendOptions>): Promise<string[]> {
  const lines: string[] = []
  await sendMessage({ app: roost.app, url: roost.url, token: SERVER_TOKEN, ...options }, it => lines.push(it))
  return lines
}

test('to a device, watched to its end', async () => {
  const phone = await roost.phone('ios')
  const lines = await run({ device: [phone.hwid], title: 'Hello', watch: true })
  expect(lines.at(-1)).toBe(
    'done 100 %: 1 targeted, 1 accepted, 0 dead, 0 failed, 0 skipped, 0 uncertain, 0 pending',
  )
  expect(phone.shownCount).toBe(1)
})

test('with --json it prints one line, with the counts when it is watched', async () => {
  const phone = await roost.phone('ios', { userId: 'ann' })
  const lines = await run({ user: ['ann'], title: 'Hello', watch: true, json: true })
  expect(lines).toHaveLength(1)
  expect(JSON.parse(lines[0] as string)).toMatchObject({
    state: 'done',
    counts: { targeted: 1, accepted: 1 },
  })
  expect(phone.shownCount).toBe(1)
})

test('options replace what the file says, and leave the rest of it', async () => {
  const phone = await roost.phone('ios')
  const file = join(folder, 'message.json')
  const message = { to: { devices: [phone.hwid] }, content: { title: 'From the file', body: 'Body' } }
  await writeFile(file, JSON.stringify(message))
  const [id] = await run({ file, title: 'From the option' })
  await roost.settle(id as string)
  const { body } = await roost.rest('GET', `/v1/apps/${roost.app}/messages/${id}`)
  expect(body.content).toMatchObject({ title: 'From the option', body: 'Body' })
})

test('watched to its end it says why some were not reached, and what tells more', async () => {
  const phone = await roost.phone('ios')
  const lines = await run({ device: [phone.hwid, 'nobody'], title: 'Hello', watch: true })
  expect(lines.slice(-3)).toEqual([
    'done 100 %: 2 targeted, 1 accepted, 0 dead, 0 failed, 1 skipped, 0 uncertain, 0 pending',
    '  1 skipped: device_unknown',
    `  → roost diagnose --app ${roost.app} --message ${lines[0]} says why`,
  ])
})

test('watched it says what it is held by, and goes on when that is mended', async () => {
  const other = await startRoost()
  try {
    const phone = await other.phone('ios')
    const { body } = await other.rest<{ credentials: { id: string; gateway: string }[] }>(
      'GET',
      `/v1/apps/${other.app}/credentials`,
    )
    const { id = '' } = body.credentials.find(it => it.gateway === 'apns') ?? {}
    const right = other.simulator.apns.createTeamKey({ bundleId: BUNDLE_ID })
    const put = (key: typeof right) =>
      other.rest('PUT', `/v1/apps/${other.app}/credentials/${id}`, { gateway: 'apns', kind: 'p8', ...key })
    await put({ ...right, keyId: 'NOTITSKEY0' })
    let tellHeld: () => void = () => undefined
    const held = new Promise<void>(resolve => {
      tellHeld = resolve
    })
    const lines: string[] = []
    const options = {
      app: other.app,
      url: other.url,
      token: SERVER_TOKEN,
      device: [phone.hwid],
      title: 'Hello',
      watch: true,
    }
    const watching = sendMessage(options, line => {
      lines.push(line)
      if (line.includes('held at apns: InvalidProviderToken')) tellHeld()
    })
    await Promise.race([held, watching])
    await put(right)
    await watching
    expect(lines.some(it => it.includes('held at apns: InvalidProviderToken'))).toBe(true)
    expect(lines.at(-1)).toMatch(/^done 100 %: 1 targeted, 1 accepted/)
  } finally {
    await other.close()
  }
})

test('with --route it goes as that says, and --dry-run tells how many are connected', async () => {
  const phone = await roost.phone('ios')
  const how = { device: [phone.hwid], title: 'Hello', route: 'online-only', pushAfter: 5 }
  const told = await run({ ...how, dryRun: true })
  expect(told[0]).toContain('→ by the live channel alone: 0 connected now')
  const [id] = await run({ ...how, watch: true })
  const { body } = await roost.rest('GET', `/v1/apps/${roost.app}/messages/${id}`)
  expect(body).toMatchObject({ route: 'online-only', pushAfterSeconds: 5, counts: { skipped: 1 } })
})

test('with --dry-run nothing is sent or stored: whom it would reach, its sizes, and what is wrong', async () => {
  const app = await startRoost()
  try {
    const [ada, blank] = [
      await app.phone('ios', { hwid: 'ada', tags: { Name: 'Ada' } }),
      await app.phone('android', { hwid: 'blank' }),
    ]
    await app.device('registerDevice', { hwid: 'mute', device_type: 1 })
    const lines: string[] = []
    const options = { app: app.app, url: app.url, token: SERVER_TOKEN, dryRun: true }
    await sendMessage({ ...options, toAll: true, title: 'Hi {{ tags.Name }}' }, it => lines.push(it))
    expect(lines).toEqual([
      '3 devices → 2 with an address → 2 of these alive → 2 may show something',
      'blank (fcm): skipped, variable_missing: tags.Name',
      expect.stringMatching(/^ada \(apns\): would be sent, \d+ bytes: Hi Ada$/),
      "warning: 1 of 3 devices can't be sent a push; an inbox would reach them",
      'warning: 1 of the 2 devices looked at would not get it',
      'blocks (1 of 2 looked at): DX-64 Variable without a value. A variable of the message has no value for this device: tags.Name.',
      expect.stringMatching(/^ {2}→ operator: /),
      'blocks (1 of 3 looked at): DX-33 No token. The device called in, and has never reported a push token.',
      expect.stringMatching(/^ {2}→ developer: /),
      expect.stringMatching(/^ {2}→ developer: /),
      'nothing was sent',
    ])
    lines.length = 0
    const title = 'é'.repeat(100)
    await sendMessage({ ...options, device: ['ada', 'nobody'], title, json: true }, it => lines.push(it))
    const { reach, sizes, sample } = JSON.parse(lines[0] as string)
    expect(reach).toEqual({ devices: 1, withAddress: 1, valid: 1, permitted: 1 })
    await app.sendAndSettle({ to: { devices: ['ada'] }, content: { title } })
    const push = app.simulator.pushes({ token: ada.token as string })[0]
    const bytes = Buffer.byteLength(JSON.stringify(push?.payload))
    expect(sizes).toContainEqual({ gateway: 'apns', language: null, bytes, limit: 4096 })
    expect(sample).toEqual([
      {
        hwid: 'ada',
        gateway: 'apns',
        outcome: 'sent',
        reason: null,
        sendAt: expect.any(String),
        bytes,
        title,
        body: null,
      },
    ])
    expect(blank.shownCount).toBe(0)
    const { body } = await app.rest<{ messages: unknown[] }>('GET', `/v1/apps/${app.app}/messages`)
    expect(body.messages).toHaveLength(1)
  } finally {
    await app.close()
  }
})

test('to a segment, by its id, its code or its name, whose case makes no difference', async () => {
  const phone = await roost.phone('ios', { tags: { tier: 'gold' } })
  const segments = `/v1/apps/${roost.app}/segments`
  const condition = { tag: 'tier', op: 'eq', value: 'gold' }
  const { id } = (await roost.rest<{ id: string }>('POST', segments, { name: 'Gold', condition })).body
  const { code } = (await roost.rest<{ code: string }>('GET', `${segments}/${id}`)).body
  for (const segment of [id, code, 'Gold', 'gold']) await run({ segment, title: 'Hello', watch: true })
  expect(phone.shownCount).toBe(4)
  await expect(run({ segment: 'Silver', title: 'Hello' })).rejects.toThrow('this app has no segment "Silver"')
})

test('with --change what is scheduled is replaced in place, and what has begun is not', async () => {
  const phone = await roost.phone('ios')
  const at = new Date(roost.clock.now() + 3_600_000).toISOString()
  const [id] = (await run({ device: [phone.hwid], title: 'First', at })) as [string]
  expect(await run({ change: id, device: [phone.hwid], title: 'Second', watch: true })).toContain(id)
  expect(phone.shown.map(it => it.title)).toEqual(['Second'])
  await expect(run({ change: id, device: [phone.hwid], title: 'Third' })).rejects.toThrow(
    `message ${id} is done`,
  )
})

test('a server that does not answer is told with what to do about it', async () => {
  const free = createServer().listen(0, '127.0.0.1')
  await once(free, 'listening')
  const { port } = free.address() as AddressInfo
  await new Promise(resolve => free.close(resolve))
  await expect(run({ toAll: true, title: 'Hello', url: `http://127.0.0.1:${port}` })).rejects.toMatchObject({
    message: expect.stringContaining(`http://127.0.0.1:${port} does not answer`),
    remedy: 'See that the server runs there, or name another one with --url.',
  })
})

test('without a target nothing is sent, and what the server refuses is told', async () => {
  await expect(run({ title: 'Hello' })).rejects.toThrow('it is for nobody')
  for (const dryRun of [true, false])
    await expect(run({ toAll: true, title: 'Hello', at: 'soon', dryRun })).rejects.toThrow('sendAt')
})
