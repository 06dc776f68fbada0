/**
 * `apns2` with `sendMany`. It connects to port 443 only, so its undici pool is replaced by one with the same options
 * and the server's port; all else is its own.
 */
import { createRequire } from 'node:module'
import { keepInFlight, runClient } from '../measure.mjs'
import { alertOf, KEY_ID, TEAM_ID, TOPIC, tokenOf } from '../requests.mjs'

/** Notifications in one call. */
const CHUNK = 250

await runClient(async job => {
  const require = createRequire(job.peers)
  const { ApnsClient, Notification } = require('apns2')
  const { Pool } = createRequire(require.resolve('apns2'))('undici')
  const client = new ApnsClient({ team: TEAM_ID, keyId: KEY_ID, signingKey: job.keyPem, defaultTopic: TOPIC })
  await client.client.close()
  client.client = new Pool(`https://127.0.0.1:${job.port}`, {
    connections: 32,
    pipelining: 1,
    allowH2: true,
    maxConcurrentStreams: 100,
    connect: { ca: job.caPem },
  })
  const alert = alertOf(job.bodyBytes)
  /** @param {number} first @param {number} count */
  const send = async (first, count) => {
    const length = Math.min(CHUNK, count - first)
    const notifications = Array.from({ length }, (_, i) => new Notification(tokenOf(first + i), { alert }))
    const results = await client.sendMany(notifications)
    return results.filter((/** @type {object} */ it) => !('error' in it)).length
  }
  return {
    sendAll: count =>
      keepInFlight(count, Math.floor((job.connections * job.streams) / CHUNK), n => send(n, count), CHUNK),
    close: () => client.close(),
  }
})
