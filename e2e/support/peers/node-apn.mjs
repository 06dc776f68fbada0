/** `@parse/node-apn` as its README uses it, with a key (`p8`) or with a certificate. */
import { inTurn, runPeer } from './child.mjs'

await runPeer(async (require, job) => {
  const apn = require('@parse/node-apn')
  /** @param {any} credential */
  const providerOf = ({ p8, teamId, keyId, ...certificate }) =>
    new apn.Provider({
      production: true,
      ...(p8 === undefined ? certificate : { token: { key: p8, keyId, teamId } }),
    })
  const providers = new Map(Object.entries(job.keys).map(([name, key]) => [name, providerOf(key)]))
  /** @param {string} alert @param {string} topic */
  const noteOf = (alert, topic) => new apn.Notification({ alert, topic, pushType: 'alert' })
  const answers = await inTurn(job.sends, async ({ key, token, alert, topic }) => {
    const { sent, failed } = await providers.get(key).send(noteOf(alert, topic), token)
    if (sent.length === 1) return 'accepted'
    const [{ status, response, error }] = failed
    if (error !== undefined) return { problem: String(error.message) }
    return { statusCode: status, reason: response.reason, timestamp: response.timestamp }
  })
  const { sent } = await providers.get('good').send(noteOf('Hello', job.topic), job.many)
  for (const provider of providers.values()) await provider.shutdown()
  return { answers, manyAccepted: sent.length }
})
