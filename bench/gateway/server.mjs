/**
 * The server that all clients are measured against: nghttpd, which nobody here wrote and which is faster than any of
 * them. An empty file for each device token makes it answer 200. It runs on a core of its own.
 */
import { spawn, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createConnection, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { allTokens } from './requests.mjs'

const START_TIMEOUT_MS = 10_000
/** What Apple's servers allow. */
const MAX_STREAMS = 1000

/** @param {string} core @returns {Promise<{ port: number, caPem: string, stop(): void }>} */
export async function startServer(core) {
  const folder = mkdtempSync(join(tmpdir(), 'roost-bench-'))
  const [keyFile, certFile] = makeCertificate(folder)
  const documents = join(folder, 'documents', '3', 'device')
  mkdirSync(documents, { recursive: true })
  for (const token of allTokens()) writeFileSync(join(documents, token), '')
  const port = await freePort()
  const options = ['-a', '127.0.0.1', '-m', String(MAX_STREAMS), '-d', join(folder, 'documents')]
  const server = spawn('taskset', ['-c', core, 'nghttpd', ...options, String(port), keyFile, certFile], {
    stdio: 'ignore',
  })
  const stop = () => {
    server.kill()
    rmSync(folder, { recursive: true, force: true })
  }
  process.once('exit', stop)
  await untilListening(port)
  return { port, caPem: readFileSync(certFile, 'utf8'), stop }
}

/** @param {string} folder */
function makeCertificate(folder) {
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
  const names = 'subjectAltName=DNS:localhost,IP:127.0.0.1'
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2']
  const files = ['-subj', '/CN=localhost', '-addext', names, '-keyout', key, '-out', cert]
  const { status, stderr } = spawnSync('openssl', ['req', '-x509', ...curve, ...files])
  if (status !== 0) throw new Error(`openssl made no certificate: ${stderr}`)
  return [key, cert]
}

/** nghttpd can't choose one itself. @returns {Promise<number>} */
function freePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer().once('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const { port } = /** @type {import('node:net').AddressInfo} */ (probe.address())
      probe.close(() => resolve(port))
    })
  })
}

/** @param {number} port */
async function untilListening(port) {
  const giveUpAt = performance.now() + START_TIMEOUT_MS
  while (!(await accepts(port))) {
    if (performance.now() > giveUpAt) throw new Error('nghttpd did not start')
    await pause(50)
  }
}

/** @param {number} port @returns {Promise<boolean>} */
function accepts(port) {
  return new Promise(resolve => {
    const socket = createConnection(port, '127.0.0.1')
    const settle = (/** @type {boolean} */ is) => {
      socket.destroy()
      resolve(is)
    }
    socket.once('connect', () => settle(true)).once('error', () => settle(false))
  })
}
