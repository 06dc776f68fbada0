/** `roost send` against a running server. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { SERVER_TOKEN, startRoost, type TestRoost } from '../../../test/roost.ts'
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

test('without a target nothing is sent, and what the server refuses is told', async () => {
  await expect(run({ title: 'Hello' })).rejects.toThrow('it is for nobody')
  await expect(run({ toAll: true, title: 'Hello', at: 'soon' })).rejects.toThrow('sendAt')
})
