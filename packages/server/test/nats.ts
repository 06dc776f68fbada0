/**
 * A real nats-server (Debian's package) behind a port that stays the same while the server is killed and started anew.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

const PROGRAM = ['/usr/sbin/nats-server', '/usr/bin/nats-server'].find(it => existsSync(it))
export const hasNats = PROGRAM !== undefined

export const NATS_USER = 'roost'
/** With what a URL has to escape. */
export const NATS_PASSWORD = 'p@ss:w/rd'

const OPEN_TO_ROOST = `authorization { user: "${NATS_USER}", password: "${NATS_PASSWORD}" }`

export interface TestNats {
  /** `nats://user:password@host:port`. */
  readonly url: string
  /** `host:port`. */
  readonly server: string
  /** With a signal that cannot be caught; who is connected is cut off. */
  kill(): Promise<void>
  start(config?: string): Promise<void>
  close(): Promise<void>
}

/** `config`: in the language of nats-server; default: the user and password of `url`. */
export async function startNats(config: string = OPEN_TO_ROOST): Promise<TestNats> {
  const folder = await mkdtemp(join(tmpdir(), 'roost-nats-'))
  const sockets = new Set<Socket>()
  let behind: { readonly child: ChildProcess; readonly port: number } | undefined
  const front = createServer(socket => {
    if (behind === undefined) return void socket.destroy()
    const other = connect(behind.port, '127.0.0.1')
    for (const [from, to] of [
      [socket, other],
      [other, socket],
    ] as const) {
      sockets.add(from)
      from.pipe(to)
      from.on('error', () => undefined)
      from.on('close', () => {
        sockets.delete(from)
        to.destroy()
      })
    }
  })
  front.listen(0, '127.0.0.1')
  await once(front, 'listening')
  const server = `127.0.0.1:${(front.address() as AddressInfo).port}`

  const start = async (text: string = config) => {
    const file = join(folder, 'nats.conf')
    await writeFile(file, text)
    behind = await listening(spawn(PROGRAM ?? '', ['-a', '127.0.0.1', '-p', '-1', '-c', file]))
  }
  const kill = async () => {
    const { child } = behind ?? {}
    behind = undefined
    if (child === undefined) return
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
  }
  await start()
  const login = `${NATS_USER}:${encodeURIComponent(NATS_PASSWORD)}`
  return {
    url: `nats://${login}@${server}`,
    server,
    kill,
    start,
    close: async () => {
      await kill()
      for (const socket of sockets) socket.destroy()
      front.close()
      await rm(folder, { recursive: true })
    },
  }
}

/** It takes a free port and says which. */
async function listening(child: ChildProcess): Promise<{ child: ChildProcess; port: number }> {
  const lines: string[] = []
  if (child.stderr === null) throw new Error('nats-server has no log')
  for await (const line of createInterface(child.stderr)) {
    lines.push(line)
    const port = /Listening for client connections on 127\.0\.0\.1:(\d+)/.exec(line)?.[1]
    if (port !== undefined) {
      child.stderr.resume()
      return { child, port: Number(port) }
    }
  }
  throw new Error(`nats-server did not start:\n${lines.join('\n')}`)
}
