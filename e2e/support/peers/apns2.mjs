/** `apns2` as its README uses it. */
import { inTurn, runPeer } from './child.mjs'

await runPeer(async (require, job) => {
  const { ApnsClient, ApnsError, Notification } = require('apns2')
  /** @param {any} key */
  const clientOf = ({ teamId, keyId, p8 }) =>
    new ApnsClient({ team: teamId, keyId, signingKey: p8, defaultTopic: job.topic })
  const clients = new Map(Object.entries(job.keys).map(([name, key]) => [name, clientOf(key)]))
  const answers = await inTurn(job.sends, async ({ key, token, alert, topic }) => {
    try {
      await clients.get(key).send(new Notification(token, { alert, topic }))
      return 'accepted'
    } catch (error) {
      if (!(error instanceof ApnsError)) return { problem: String(error) }
      const { statusCode, reason, timestamp } = error
      return { statusCode, reason, timestamp }
    }
  })
  const many = job.many.map((/** @type {string} */ token) => new Notification(token, { alert: 'Hello' }))
  const results = await clients.get('good').sendMany(many)
  for (const client of clients.values()) await client.close()
  return { answers, manyAccepted: results.filter((/** @type {object} */ it) => !('error' in it)).length }
})
