/**
 * One peer in a process of its own: the job comes as the only argument, what the peer said goes out as one JSON.
 */
import { createRequire } from 'node:module'

/** @typedef {(name: string) => any} Require */

/** @param {(require: Require, job: any) => Promise<unknown>} send */
export async function runPeer(send) {
  const job = JSON.parse(process.argv[2] ?? '{}')
  const said = await send(createRequire(job.peers), job)
  process.stdout.write(JSON.stringify(said))
}

/**
 * One after the other, so that answers do not depend on who was faster.
 * @template T
 * @param {readonly T[]} items
 * @param {(item: T) => Promise<unknown>} answerTo
 */
export async function inTurn(items, answerTo) {
  const answers = []
  for (const item of items) answers.push(await answerTo(item))
  return answers
}
