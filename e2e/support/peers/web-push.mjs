/** `web-push` as its README uses it. */
import { inTurn, runPeer } from './child.mjs'

await runPeer((require, job) => {
  const webPush = require('web-push')
  return inTurn(job.sends, async ({ subscription, key, payload, options }) => {
    const vapidDetails = { subject: 'mailto:push@example.com', ...job.keys[key] }
    try {
      const sent = await webPush.sendNotification(subscription, payload, { vapidDetails, ...options })
      return { statusCode: sent.statusCode }
    } catch (error) {
      if (!(error instanceof webPush.WebPushError)) return { problem: String(error) }
      return { statusCode: error.statusCode }
    }
  })
})
