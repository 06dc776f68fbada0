/**
 * A thread that encrypts Web Push messages: a batch comes in, its bodies go out, in order; nothing else.
 *
 * JavaScript for the reason that `aes128gcm.js` gives.
 */
import { parentPort } from 'node:worker_threads'
import { encryptBatch } from './aes128gcm.js'

parentPort?.on('message', messages => {
  const bodies = encryptBatch(messages)
  parentPort?.postMessage(bodies, [bodies.buffer])
})
