/**
 * Drills: what breaks in operation is broken on purpose in the middle of a campaign, with whole processes. After each of them
 * everybody was reached, whatever was sent twice carried the same id and is counted, the message has ended by itself, and
 * targeted = accepted + dead + failed + skipped + uncertain + pending was true at every read (docs/failures.md).
 */
import { execFileSync } from 'node:child_process'
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { MessageView } from '@roost/protocol'
import type { Crowd } from '@roost/simulator'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { eventually } from './support/eventually.ts'
import { type Fleet, type Sender, startFleet } from './support/fleet.ts'

const PHONES = 6000
/** What a worker sends of a batch before it books it. */
const CHUNK = 500
const WITHIN_MS = 60_000
const GATEWAYS_DOWN_MS = 30_000

let fleet: Fleet
let crowd: Crowd
const senders: Sender[] = []

beforeAll(async () => {
  fleet = await startFleet()
  senders.push(await fleet.startSender(), await fleet.startSender())
  crowd = await fleet.crowd(PHONES)
})
afterAll(() => fleet?.close())
afterEach(async () => {
  for (const gateway of gateways()) {
    gateway.faults.clear()
    await gateway.faults.acceptConnections()
  }
})

const gateways = () => [fleet.simulator.apns, fleet.simulator.fcm]
const hashOf = (id: string) => id.replaceAll('-', '')
const acceptances = (id: string) => fleet.simulator.acceptedFor(hashOf(id)).acceptances

/** Sends a campaign to all, slowly enough that something can happen in its middle. */
async function begin(options: { readonly collapseKey?: string } = {}): Promise<string> {
  for (const gateway of gateways()) gateway.faults.setLatency(100, 200)
  shownBefore = crowd.counts().shown
  return fleet.send({ to: { all: true }, content: { title: 'Hello' }, ...options })
}
let shownBefore = 0

async function untilAccepted(id: string, count: number): Promise<void> {
  await eventually({
    what: `${count} acceptances`,
    read: () => acceptances(id),
    until: found => found >= count,
    withinMs: WITHIN_MS,
  })
}

/** Reads it until it has ended, and holds its end against what the stand-ins and the phones saw. */
async function expectEverybody(id: string): Promise<MessageView> {
  const done = await fleet.until(id, message => message.state === 'done')
  expect(done.counts).toMatchObject({
    targeted: PHONES,
    accepted: PHONES,
    dead: 0,
    failed: 0,
    skipped: 0,
    uncertain: 0,
    pending: 0,
  })
  expect(fleet.simulator.acceptedFor(hashOf(id)).tokens.size).toBe(PHONES)
  expect(crowd.counts().shown - shownBefore, 'a person sees it once').toBe(PHONES)
  expectOneId(id)
  return done
}

/** Of the pushes that the stand-ins remember: Apple is told the same apns-id again. */
function expectOneId(id: string): void {
  const ids = new Map<string, string>()
  for (const { gateway, token, messageId } of fleet.simulator.pushes({ hash: hashOf(id) })) {
    if (gateway !== 'apns') continue
    expect(ids.get(token) ?? messageId).toBe(messageId)
    ids.set(token, messageId)
  }
  expect(ids.size).toBeGreaterThan(0)
}

/** How often a gateway took what it had taken before. */
const repeats = (id: string) => acceptances(id) - fleet.simulator.acceptedFor(hashOf(id)).tokens.size

function expectNoRepeat({ id, counts }: MessageView): void {
  expect(repeats(id)).toBe(0)
  expect(counts.possibleDuplicates).toBe(0)
}

/** None is left out; of what was in hand some may not have reached the gateway before. */
function expectRepeatsCounted({ id, counts }: MessageView): void {
  expect(repeats(id)).toBeGreaterThan(0)
  expect(counts.possibleDuplicates).toBeGreaterThanOrEqual(repeats(id))
}

/**
 * One worker alone has a chunk of each gateway in hand: all of it accepted, and no answer has left. It may hold one more that
 * waits for its turn: that one counts as possibly sent, since nobody else can know that it was not.
 */
async function untilInHand(): Promise<{ readonly id: string; readonly worker: Sender }> {
  const worker = senders.splice(0, 1)[0] as Sender
  for (const sender of senders.splice(0)) await sender.end('SIGTERM')
  for (const gateway of gateways()) gateway.faults.holdAnswers()
  const id = await begin()
  for (const gateway of gateways()) await gateway.faults.waitForHeld(CHUNK)
  expect(acceptances(id)).toBe(2 * CHUNK)
  return { id, worker }
}

test('a worker that is killed with chunks at the gateways: another one takes over, and all that is sent again is counted', async () => {
  const { id, worker } = await untilInHand()
  await worker.end('SIGKILL')
  for (const gateway of gateways()) gateway.faults.clear()
  senders.push(await fleet.startSender(), await fleet.startSender())
  const done = await expectEverybody(id)
  expect(repeats(id)).toBeGreaterThanOrEqual(2 * CHUNK)
  expectRepeatsCounted(done)
})

test('a worker that stands still for longer than its lease books nothing of what another one has taken over', async () => {
  const { id, worker } = await untilInHand()
  worker.process.kill('SIGSTOP')
  for (const gateway of gateways()) gateway.faults.clear()
  for (const gateway of gateways()) gateway.faults.setLatency(100, 200)
  senders.push(await fleet.startSender())
  await untilAccepted(id, 3 * CHUNK)
  worker.process.kill('SIGCONT')
  senders.push(worker)
  const done = await expectEverybody(id)
  expect(repeats(id)).toBeGreaterThanOrEqual(2 * CHUNK)
  expectRepeatsCounted(done)
  // It is of use again: alone it sends the next one.
  await senders.shift()?.end('SIGTERM')
  expectNoRepeat(await expectEverybody(await begin()))
  senders.push(await fleet.startSender())
})

test('PostgreSQL that crashes and is away for ten seconds: what was sent meanwhile is booked when it is back', async () => {
  const id = await begin()
  await untilAccepted(id, PHONES / 4)
  await fleet.crashDatabase()
  expect(acceptances(id)).toBeLessThan(PHONES)
  expect(await fleet.read(id)).toBeUndefined()
  await delay(10_000) // the drill is this long
  await fleet.startDatabase()
  expectNoRepeat(await expectEverybody(id))
})

/** A disk of a few megabytes for PostgreSQL's user; undefined where this process may mount none. */
async function mountSmallDisk(): Promise<SmallDisk | undefined> {
  if (process.getuid?.() !== 0) return undefined
  const { uid, gid } = await stat(fleet.databaseFolder)
  const folder = await mkdtemp(join(tmpdir(), 'roost-small-'))
  const options = `size=8m,mode=0700,uid=${uid},gid=${gid}`
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'roost-small', folder], { stdio: 'ignore' })
  } catch {
    await rm(folder, { recursive: true })
    return undefined
  }
  const filler = join(folder, 'filler')
  return {
    folder,
    fill: () =>
      writeFile(filler, Buffer.alloc(16 * 1024 * 1024)).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOSPC') throw error
      }),
    empty: () => rm(filler),
    unmount: async () => {
      execFileSync('umount', [folder])
      await rm(folder, { recursive: true })
    },
  }
}

interface SmallDisk {
  readonly folder: string
  fill(): Promise<void>
  empty(): Promise<void>
  unmount(): Promise<void>
}

test('a disk that is really full: what was sent is booked when it has room again', async ({ skip }) => {
  const disk = await mountSmallDisk()
  if (disk === undefined) return skip('only root may mount a small disk')
  try {
    await fleet.query(`create tablespace small location '${disk.folder}'`)
    await fleet.query('alter table acceptance set tablespace small')
    await disk.fill()
    const id = await begin()
    await eventually({
      what: 'a worker that was told so',
      read: () => senders.map(it => it.output()).join(''),
      until: text => text.includes('No space left on device'),
      withinMs: WITHIN_MS,
    })
    expect((await fleet.read(id))?.state).toBe('sending')
    await disk.empty()
    expectNoRepeat(await expectEverybody(id))
  } finally {
    await fleet.query('alter table acceptance set tablespace pg_default')
    await fleet.query('drop tablespace if exists small')
    await disk.unmount()
  }
})

test('gateways that are down for half a minute: all waits, and is sent when they are back', async () => {
  const { apns, fcm } = fleet.simulator
  for (const gateway of [apns, fcm]) await gateway.faults.refuseConnections()
  const id = await begin()
  const waiting = await fleet.until(id, message => message.retrying.length === 2)
  expect(waiting.retrying.map(it => it.reason)).toEqual([
    expect.stringContaining('ECONNREFUSED'),
    expect.stringContaining('ECONNREFUSED'),
  ])
  await delay(GATEWAYS_DOWN_MS)
  expect(acceptances(id)).toBe(0)
  for (const gateway of [apns, fcm]) await gateway.faults.acceptConnections()
  expectNoRepeat(await expectEverybody(id))
})

test('gateways that cut all connections with pushes on them: those are uncertain, or repeated under a collapse key', async () => {
  const id = await begin({ collapseKey: 'drill' })
  await untilAccepted(id, PHONES / 4)
  for (const gateway of gateways()) await gateway.faults.refuseConnections()
  for (const gateway of gateways()) await gateway.faults.acceptConnections()
  const done = await expectEverybody(id)
  expectRepeatsCounted(done)
})

test('a storm of GOAWAY: nobody is asked twice', async () => {
  const connections = () =>
    fleet.simulator.counts().apns.connections + fleet.simulator.counts().fcm.connections
  // The open ones may have had their hundredth request long ago.
  for (const { faults } of gateways()) {
    await faults.refuseConnections()
    await faults.acceptConnections()
  }
  const before = connections()
  for (const { faults } of gateways()) faults.goAwayAfter(100, { times: 8 })
  const id = await begin()
  expectNoRepeat(await expectEverybody(id))
  expect(connections() - before).toBeGreaterThanOrEqual(8)
})

test('429 for a whole Firebase project, and 429 for single devices at Apple: both wait, and nobody is missed', async () => {
  const { apns, fcm } = fleet.simulator
  for (const phone of crowd.phones.slice(0, 200))
    apns.faults.answerFor(phone.token as string, { status: 429, reason: 'TooManyRequests' }, 1)
  fcm.faults.answerNext({ form: 'quota_exceeded', retryAfter: '2' }, 1)
  const id = await begin()
  expectNoRepeat(await expectEverybody(id))
  expect(fleet.simulator.counts().apns.refused.TooManyRequests).toBe(200)
})

/** No worker has any of its batches: nothing of it is sent. */
async function untilNobodyHasIt(id: string, withinMs: number): Promise<void> {
  await eventually({
    what: 'all batches given back',
    read: () => fleet.query(`select from batch where message_id = '${id}' and state = 'sending'`),
    until: rows => rows.length === 0,
    withinMs,
  })
}

test('paused, resumed and cancelled in its middle, with two workers on it: each is asked at most once', async () => {
  const id = await begin()
  const control = (verb: string) =>
    fleet.api.rest<MessageView>('POST', `/v1/apps/${fleet.app}/messages/${id}/${verb}`)
  await untilAccepted(id, PHONES / 6)
  await control('pause')
  // Nothing begins any more, and what was at a gateway is answered within the latency; control.e2e has how soon.
  await untilNobodyHasIt(id, WITHIN_MS)
  const paused = acceptances(id)
  expect(paused).toBeLessThan(PHONES)
  expect((await fleet.read(id))?.counts.accepted).toBe(paused)
  await control('resume')
  await untilAccepted(id, paused + PHONES / 6)
  await control('cancel')
  const ended = await fleet.until(id, message => message.finishedAt !== null)
  const taken = acceptances(id)
  expect(taken).toBeLessThan(PHONES)
  expect(ended.counts).toMatchObject({
    targeted: PHONES,
    accepted: taken,
    skipped: PHONES - taken,
    pending: 0,
  })
  expectNoRepeat(ended)
})
