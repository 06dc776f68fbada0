/**
 * The server that the client sends to, in a process of its own: it answers 201 and reads nothing of what it gets.
 * Started with a certificate it is that process.
 */
import { fork, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** @typedef {{ origin: string, caPem: string, stop(): Promise<void> }} Peer */

/** @returns {Promise<Peer>} */
export async function startPeer() {
  const { key, cert } = makeCertificate()
  const child = fork(fileURLToPath(import.meta.url), ['serve'], { execArgv: [] })
  const port = await new Promise((resolve, reject) => {
    child.once('message', resolve).once('exit', code => reject(new Error(`the server ended with ${code}`)))
    child.send({ key, cert })
  })
  const ended = new Promise(resolve => child.once('exit', resolve))
  return {
    origin: `https://localhost:${port}`,
    caPem: cert,
    stop: async () => {
      child.disconnect()
      await ended
    },
  }
}

function makeCertificate() {
  const folder = mkdtempSync(join(tmpdir(), 'roost-bench-'))
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2']
  const names = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost']
  const files = ['-keyout', key, '-out', cert]
  const { status, stderr } = spawnSync('openssl', ['req', '-x509', ...curve, ...names, ...files])
  if (status !== 0) throw new Error(`openssl made no certificate (apt-get install openssl): ${stderr}`)
  const made = { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') }
  rmSync(folder, { recursive: true })
  return made
}

if (process.argv[2] === 'serve') {
  process.once('disconnect', () => process.exit())
  const { startServer } = await import('../../packages/http2/dist/index.js')
  const tls = await new Promise(resolve => process.once('message', resolve))
  const { port } = await startServer({ tls, onRequest: request => request.respond(201) })
  process.send?.(port)
}
