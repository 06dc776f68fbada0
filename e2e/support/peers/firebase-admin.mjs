/** `firebase-admin` as its README uses it: `sendEach` goes over HTTP/2, `send` over HTTP/1.1. */
import { inTurn, runPeer } from './child.mjs'

await runPeer(async (require, job) => {
  const { cert, deleteApp, initializeApp } = require('firebase-admin/app')
  const { getMessaging } = require('firebase-admin/messaging')
  /** @param {string} name @param {any} account */
  const appOf = (name, account) =>
    initializeApp({ credential: cert(account), projectId: account.project_id }, name)
  const apps = new Map(Object.entries(job.accounts).map(([name, account]) => [name, appOf(name, account)]))
  const single = await inTurn(job.single, ({ account, message, dryRun }) =>
    getMessaging(apps.get(account))
      .send(message, dryRun)
      .catch((/** @type {any} */ error) => ({ code: error.code })),
  )
  const none = { successCount: 0, responses: [] }
  const { successCount, responses } =
    job.each.length === 0 ? none : await getMessaging(apps.get('good')).sendEach(job.each)
  for (const app of apps.values()) await deleteApp(app)
  /** @param {any} response */
  const sayOne = ({ success, messageId, error }) => (success ? messageId : { code: error.code })
  return { single, successCount, each: responses.map(sayOne) }
})
