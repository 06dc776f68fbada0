/** One measurement: messages to many subscribers, so many at a time as the dispatcher has in flight. */
import { createECDH, randomBytes } from 'node:crypto'
import {
  createEncryptors,
  createWebPushClient,
  createWebTransport,
  generateVapidKeys,
  systemClock,
} from '../../packages/gateways/dist/index.js'

const SUBSCRIBERS = 500
/** Two chunks of a campaign. */
const IN_FLIGHT = 1000

/**
 * @typedef {object} Load
 * @property {number} count messages
 * @property {number} plaintextBytes of each
 * @property {number} threads that encrypt; 0: the calling one
 */

const subscribers = Array.from({ length: SUBSCRIBERS }, () => ({
  receiverKey: createECDH('prime256v1').generateKeys(),
  authSecret: randomBytes(16),
}))

/** @param {Load} load */
export async function measureEncryption({ count, plaintextBytes, threads }) {
  const encryptors = createEncryptors({ threads, threshold: 1 })
  const messages = subscribers.map(it => ({ ...it, plaintext: randomBytes(plaintextBytes) }))
  const encryptOne = async (/** @type {number} */ i) => {
    const body = await encryptors.encrypt(messages[i % SUBSCRIBERS] ?? messages[0])
    if (body?.length !== plaintextBytes + 103) throw new Error('a message was not encrypted')
    return true
  }
  const result = await timed(count, encryptOne)
  await encryptors.close()
  return result
}

/** @param {Load & { peer: import('./peer.mjs').Peer }} load */
export async function measureClient({ count, plaintextBytes, threads, peer }) {
  const encryptors = createEncryptors({ threads, threshold: 1 })
  const transport = createWebTransport({ extraCa: peer.caPem })
  const credential = { ...generateVapidKeys(), subject: 'mailto:bench@example.com' }
  const client = createWebPushClient({
    credential,
    transport,
    clock: systemClock,
    encryptors,
    allowPrivate: true,
  })
  const notification = notificationOf(plaintextBytes)
  const addresses = subscribers.map(({ receiverKey, authSecret }, i) => ({
    endpoint: `${peer.origin}/push/${i}`,
    p256dh: receiverKey.toString('base64url'),
    auth: authSecret.toString('base64url'),
  }))
  const sendOne = async (/** @type {number} */ i) => {
    const address = addresses[i % SUBSCRIBERS] ?? addresses[0]
    const { kind } = await client.send({ deliveryId: 'bench', address, notification })
    return kind === 'accepted'
  }
  const result = await timed(count, sendOne)
  await client.close()
  await transport.close()
  await encryptors.close()
  return result
}

/** A title, a body and what comes with them: about so many bytes of JSON. @param {number} bytes */
function notificationOf(bytes) {
  const head = '{"header":"Hello","body":"","p":"bench"}'.length
  return {
    hash: 'bench',
    title: 'Hello',
    body: 'x'.repeat(Math.max(0, bytes - head)),
    subtitle: undefined,
    imageUrl: undefined,
    url: undefined,
    sound: undefined,
    badge: undefined,
    data: undefined,
    ttlSeconds: 3600,
    priority: /** @type {const} */ ('high'),
    collapseKey: undefined,
  }
}

/**
 * After a warm-up of a tenth. CPU is that of the whole process, all threads of it.
 * @param {number} count @param {(i: number) => Promise<boolean>} one
 * @returns {Promise<import('./report.mjs').Result>}
 */
async function timed(count, one) {
  await runLanes(Math.ceil(count / 10), one)
  const [cpu, startedAt] = [process.cpuUsage(), performance.now()]
  const failed = await runLanes(count, one)
  const seconds = (performance.now() - startedAt) / 1000
  const { user, system } = process.cpuUsage(cpu)
  return { perSecond: count / seconds, cpuMicros: (user + system) / count, failed }
}

/** @param {number} count @param {(i: number) => Promise<boolean>} one @returns {Promise<number>} how many failed */
async function runLanes(count, one) {
  let next = 0
  let failed = 0
  const lane = async () => {
    while (next < count) if (!(await one(next++))) failed++
  }
  await Promise.all(Array.from({ length: IN_FLIGHT }, lane))
  return failed
}
