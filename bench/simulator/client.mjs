/** The sender: one push to each device token, over the engine, as fast as the stand-in takes them. */
import { createPrivateKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createSecureContext } from 'node:tls'
import { ConnectionPool, HeaderTemplate } from '@roost/http2'
import { SignJWT } from 'jose'

const DEADLINE_MS = 60_000
/** So that all connections are open, and have shown their token, before the clock starts. */
const WARM_UP = 2000

const job = JSON.parse(process.argv[2] ?? '')
const tokens = readFileSync(join(job.folder, 'tokens'))
const count = tokens.length / 32
const jwt = await new SignJWT({ iss: job.key.teamId })
  .setIssuedAt()
  .setProtectedHeader({ alg: 'ES256', kid: job.key.keyId })
  .sign(createPrivateKey(job.key.p8))
const template = new HeaderTemplate({
  constant: [
    [':method', 'POST'],
    [':scheme', 'https'],
    [':authority', new URL(job.origin).host],
    ['apns-topic', job.key.bundleId],
    ['apns-push-type', 'alert'],
    ['apns-priority', '10'],
  ],
  secret: [['authorization', `bearer ${jwt}`]],
  variable: ['apns-id'],
  wanted: ['apns-id'],
})
const pool = new ConnectionPool({
  origin: job.origin,
  secureContext: createSecureContext({ ca: job.caPem }),
  maxConnections: job.connections,
  maxStreams: job.streams,
})
await sendAll(WARM_UP, n => bodyOf(n, 'warm-up'))
const startedAt = performance.now()
const accepted = await sendAll(count, bodies())
const seconds = (performance.now() - startedAt) / 1000
process.stdout.write(JSON.stringify({ accepted, seconds }))
await pool.close()

/** @param {number} wanted @param {(n: number) => Buffer} body */
async function sendAll(wanted, body) {
  let [accepted, done] = [0, 0]
  /** @type {() => void} */
  let end = () => undefined
  const ended = new Promise(resolve => {
    end = () => resolve(undefined)
  })
  const observer = {
    /** @param {unknown} _tag @param {import('@roost/http2').RequestResult} result */
    onResult(_tag, result) {
      if (result.kind === 'answered' && result.status === 200) accepted++
      if (++done === wanted) end()
    },
  }
  for (let n = 0; n < wanted; ) {
    const at = (n % count) * 32
    const path = `/3/device/${tokens.toString('hex', at, at + 32)}`
    if (pool.send(template, path, [apnsIdOf(n)], body(n), DEADLINE_MS, observer, n)) n++
    else await pool.ready()
  }
  await ended
  return accepted
}

/** @returns {(n: number) => Buffer} */
function bodies() {
  if (job.load === 'personalised') return n => bodyOf(n, job.hash)
  const body = bodyOf(0, job.hash)
  return () => body
}

/** @param {number} n @param {string} hash */
function bodyOf(n, hash) {
  const begin = `{"aps":{"alert":"Dear customer ${n}, `
  const end = `"},"p":"${hash}"}`
  return Buffer.from(begin + 'a'.repeat(Math.max(0, job.bodyBytes - begin.length - end.length)) + end)
}

/** @param {number} n */
function apnsIdOf(n) {
  return `00000000-0000-4000-8000-0000${(0x1000_0000 + n).toString(16)}`
}
