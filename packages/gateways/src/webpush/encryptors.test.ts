import { createHash } from 'node:crypto'
import type { Worker } from 'node:worker_threads'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { endAfterTest } from '../../test/fixtures.ts'
import { makeSubscriber } from '../../test/subscriber.ts'
import { createEncryptors, type Encryptors } from './encryptors.ts'

const bytes = (text: string): Buffer => Buffer.from(text, 'base64url')

/** RFC 8291, section 5 and appendix A. */
const EXAMPLE = {
  plaintext: Buffer.from('When I grow up, I want to be a watermelon'),
  receiverKey: bytes(
    'BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4',
  ),
  authSecret: bytes('BTBZMqHH6r4Tts7J_aSIgg'),
  fixed: {
    salt: bytes('DGv6ra1nlYgDCS1FRnbzlw'),
    privateKey: bytes('yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw'),
  },
}
const EXAMPLE_BODY =
  'DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN'
const EXAMPLE_SHA256 = 'f976e174457c5111a0b05234e648bc012cb1e2b37949afce4d7b1e84752953c7'

const subscriber = makeSubscriber()

function messageOf(text: string | Buffer) {
  return {
    plaintext: Buffer.from(text),
    receiverKey: subscriber.publicKey,
    authSecret: subscriber.authSecret,
  }
}

function encryptors(options: { threads?: number; threshold?: number } = {}): Encryptors {
  return endAfterTest(createEncryptors(options))
}

const WAYS = [
  ['on the calling thread', { threads: 0 }],
  ['below the threshold of threads', { threads: 2, threshold: 1000 }],
  ['on a thread', { threads: 1, threshold: 1 }],
  ['on two threads', { threads: 2, threshold: 1 }],
] as const

describe.each(WAYS)('%s', (_way, options) => {
  test('the example of RFC 8291 comes out byte for byte, among other messages', async () => {
    const all = encryptors(options)
    const [, body] = await Promise.all([EXAMPLE, EXAMPLE, messageOf('x')].map(it => all.encrypt(it)))
    expect(body?.toString('base64url')).toBe(EXAMPLE_BODY)
    expect(
      createHash('sha256')
        .update(body ?? '')
        .digest('hex'),
    ).toBe(EXAMPLE_SHA256)
  })

  test('each message has a salt and a key pair of its own, and the subscriber reads them all', async () => {
    const all = encryptors(options)
    const texts = Array.from({ length: 200 }, (_, i) => `message ${i} ${'x'.repeat(i * 7)}`)
    const bodies = await Promise.all(texts.map(text => all.encrypt(messageOf(text))))
    expect(bodies.map(body => subscriber.decrypt(body as Buffer).toString())).toEqual(texts)
    const salts = bodies.map(body => body?.subarray(0, 16).toString('hex'))
    const senderKeys = bodies.map(body => body?.subarray(21, 86).toString('hex'))
    expect(new Set(salts).size).toBe(200)
    expect(new Set(senderKeys).size).toBe(200)
  })

  test('a key off the curve fails its own message only, and says so', async () => {
    const all = encryptors(options)
    const bad = { ...messageOf('lost'), receiverKey: Buffer.concat([Buffer.from([4]), Buffer.alloc(64, 1)]) }
    const [before, lost, after] = await Promise.all(
      [messageOf('before'), bad, messageOf('after')].map(it => all.encrypt(it)),
    )
    expect(lost).toBeUndefined()
    expect(subscriber.decrypt(before as Buffer).toString()).toBe('before')
    expect(subscriber.decrypt(after as Buffer).toString()).toBe('after')
  })

  test('the longest plaintext fills a body of 4096 bytes, and an empty one is encrypted as well', async () => {
    const all = encryptors(options)
    const plaintext = Buffer.alloc(3993, 'x')
    const [full, empty] = await Promise.all([messageOf(plaintext), messageOf('')].map(it => all.encrypt(it)))
    expect(full?.length).toBe(4096)
    expect(subscriber.decrypt(full as Buffer).equals(plaintext)).toBe(true)
    expect(subscriber.decrypt(empty as Buffer)).toHaveLength(0)
  })

  test('keys of a wrong length are a programming error and harm no other message', async () => {
    const all = encryptors(options)
    const fine = all.encrypt(messageOf('fine'))
    const short = all.encrypt({ ...messageOf('x'), authSecret: Buffer.alloc(15) })
    await expect(short).rejects.toThrow('authSecret has 15 bytes, not 16')
    expect(subscriber.decrypt((await fine) as Buffer).toString()).toBe('fine')
  })
})

describe('threads', () => {
  let started: Worker[] = []
  const onWorker = (worker: Worker) => started.push(worker)
  beforeEach(() => {
    started = []
    process.on('worker', onWorker)
  })
  afterEach(() => {
    process.off('worker', onWorker)
  })

  const many = (all: Encryptors, count: number) =>
    Array.from({ length: count }, (_, i) => all.encrypt(messageOf(`message ${i}`)))

  test('are not started for a few messages', async () => {
    await Promise.all(many(encryptors({ threads: 2 }), 15))
    expect(started).toHaveLength(0)
  })

  test('start one by one as more wait, and no more than allowed', async () => {
    const all = encryptors({ threads: 2 })
    await Promise.all(many(all, 16))
    expect(started).toHaveLength(1)
    await Promise.all(many(all, 500))
    expect(started).toHaveLength(2)
  })

  test('that die in the middle of their work lose no message, and others take their place', async () => {
    const all = encryptors({ threads: 2 })
    const first = many(all, 300)
    await first[0]
    const dying = started.map(worker => worker.terminate())
    const bodies = await Promise.all([...first, ...many(all, 300)])
    await Promise.all(dying)
    expect(bodies.map(body => subscriber.decrypt(body as Buffer).toString())).toEqual(
      [0, 300].flatMap(() => Array.from({ length: 300 }, (_, i) => `message ${i}`)),
    )
    await Promise.all(many(all, 300))
    expect(started.length).toBeGreaterThan(2)
  })

  test('that die again and again are given up, and the calling thread does the work', async () => {
    const kill = (worker: Worker) => void worker.terminate()
    process.on('worker', kill)
    const all = encryptors({ threads: 1, threshold: 1 })
    for (let i = 0; i < 10; i++) {
      const body = await all.encrypt(messageOf(`message ${i}`))
      expect(subscriber.decrypt(body as Buffer).toString()).toBe(`message ${i}`)
    }
    process.off('worker', kill)
    expect(started).toHaveLength(3)
  })

  test('end with close, and what they have not done is rejected', async () => {
    const all = createEncryptors({ threads: 2 })
    const exits = new Set<Worker>()
    const settled = Promise.allSettled(many(all, 2000))
    await new Promise(resolve => setImmediate(resolve))
    for (const worker of started) worker.on('exit', () => exits.add(worker))
    await all.close()
    const results = await settled
    expect(results.at(-1)).toMatchObject({ reason: new Error('the encryptors are closed') })
    expect(started).toHaveLength(2)
    expect(exits.size).toBe(2)
    await expect(all.encrypt(messageOf('late'))).rejects.toThrow('the encryptors are closed')
  })
})
