/** The engine, as the gateways use it: one pool, one template, and a wait when the pool is full. */
import { createSecureContext } from 'node:tls'
import { ConnectionPool, HeaderTemplate } from '@roost/http2'
import { runClient } from '../measure.mjs'
import { AUTHORIZATION, apnsIdOf, bodyOf, pathOf, TOPIC } from '../requests.mjs'

const PROGRESS_EVERY = 1000
const DEADLINE_MS = 30_000

/** @param {string} authority */
function templateFor(authority) {
  return new HeaderTemplate({
    constant: [
      [':method', 'POST'],
      [':scheme', 'https'],
      [':authority', authority],
      ['apns-topic', TOPIC],
      ['apns-push-type', 'alert'],
      ['apns-priority', '10'],
    ],
    secret: [['authorization', AUTHORIZATION]],
    variable: ['apns-id'],
    wanted: ['apns-id', 'retry-after'],
  })
}

/** Counts the results of one load. */
class Tally {
  accepted = 0
  #done = 0
  #count
  #progress
  /** @type {() => void} */
  #end = () => undefined
  /** @type {Promise<void>} */
  ended = new Promise(resolve => {
    this.#end = resolve
  })

  /** @param {number} count @param {(done: number) => void} progress */
  constructor(count, progress) {
    this.#count = count
    this.#progress = progress
  }

  /** @param {unknown} _tag @param {import('@roost/http2').RequestResult} result */
  onResult(_tag, result) {
    if (result.kind === 'answered' && result.status === 200) this.accepted++
    this.#done++
    if (this.#done % PROGRESS_EVERY === 0) this.#progress(this.#done)
    if (this.#done === this.#count) this.#end()
  }
}

await runClient(async job => {
  const pool = new ConnectionPool({
    origin: `https://127.0.0.1:${job.port}`,
    secureContext: createSecureContext({ ca: job.caPem }),
    maxConnections: job.connections,
    maxStreams: job.streams,
  })
  const template = templateFor(`127.0.0.1:${job.port}`)
  const body = bodyOf(job.bodyBytes)
  return {
    async sendAll(count, progress) {
      const tally = new Tally(count, progress)
      for (let n = 0; n < count; ) {
        if (pool.send(template, pathOf(n), [apnsIdOf(n)], body, DEADLINE_MS, tally, n)) n++
        else await pool.ready()
      }
      await tally.ended
      return tally.accepted
    },
    close: () => pool.close(),
  }
})
