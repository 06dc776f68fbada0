/**
 * Libraries that others wrote, as clients of the simulator: each runs in a process of its own, with its own code and
 * unchanged, and finds the real services' names at the stand-ins (`map-names.mjs`).
 */
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { namesEnvironment } from './names.ts'

/** Set by `npm test`, which installs them; empty where it could not. */
export const PEERS = process.env.ROOST_TEST_PEERS ?? ''
const GIVE_UP_MS = 30_000

export interface PeerOptions {
  readonly name: 'apns2' | 'node-apn' | 'firebase-admin' | 'web-push'
  readonly job: object
  /** Origin of a stand-in by the host that the peer asks for. */
  readonly names: Readonly<Record<string, string>>
  /** The stand-ins' authority. */
  readonly caPem: string
}

/** Gives back what the peer said, in the shape of its script in `peers/`. */
export async function askPeer<T>(options: PeerOptions): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'roost-peer-'))
  const caFile = join(folder, 'ca.pem')
  try {
    await writeFile(caFile, options.caPem)
    const script = fileURLToPath(new URL(`peers/${options.name}.mjs`, import.meta.url))
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [script, JSON.stringify({ ...options.job, peers: PEERS })],
      {
        timeout: GIVE_UP_MS,
        env: { ...process.env, ...namesEnvironment(options), NODE_EXTRA_CA_CERTS: caFile },
      },
    )
    return JSON.parse(stdout) as T
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
