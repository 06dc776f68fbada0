/**
 * The client against servers that nobody here wrote, with settings that hurt: Node's own, nghttpd and nginx.
 * The last two are Debian's packages nghttp2-server and nginx-light; `npm test` installs them where it may.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createSecureServer, createServer, type ServerHttp2Session, type Settings } from 'node:http2'
import { type AddressInfo, createServer as createTcpServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { createSecureContext } from 'node:tls'
import { afterEach, describe, expect, test } from 'vitest'
import { createTestCertificate } from '../../test/certificate.ts'
import { Ledger, PUSH } from '../../test/ledger.ts'
import { ConnectionPool, type PoolOptions } from './pool.ts'
import { HeaderTemplate } from './template.ts'

const NGHTTPD = '/usr/sbin/nghttpd'
const NGINX = '/usr/sbin/nginx'
const KIB_60 = Buffer.alloc(60 * 1024, 'roost ')

const closers: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

interface Run {
  readonly ledger: Ledger
  readonly tags: readonly number[]
}

/** Sends `count` requests, repeats what was not sent, and waits until each has its result. */
async function run(
  options: PoolOptions,
  count: number,
  body: Uint8Array,
  template: HeaderTemplate = PUSH,
): Promise<Run> {
  const pool = new ConnectionPool({ maxConnections: 2, maxBodyBytes: 64 * 1024, reconnectMs: 1, ...options })
  closers.push(() => pool.close(true))
  const ledger = new Ledger()
  let repeats = 0
  ledger.onOutcome = (_, { kind }) => {
    if (kind === 'not_sent') repeats++
  }
  const tags: number[] = []
  for (let left = count; left > 0 || ledger.settled < ledger.sent || repeats > 0; ) {
    if (left === 0 && repeats === 0) await new Promise(setImmediate)
    else {
      const tag = ledger.trySend(pool, { body, template, values: [`id ${left}`] })
      if (tag < 0) await pool.ready()
      else {
        tags.push(tag)
        if (left > 0) left--
        else repeats--
      }
    }
  }
  await pool.close()
  ledger.verify()
  return { ledger, tags }
}

/** All answered with what was sent to them. */
async function expectEchoes({ ledger, tags }: Run, count: number, body: Uint8Array): Promise<void> {
  const answered = (await ledger.outcomes(tags)).filter(it => it.kind === 'answered')
  expect([answered.length, ledger.counts().uncertain]).toEqual([count, 0])
  expect(new Set(answered.map(it => it.status))).toEqual(new Set([200]))
  expect(answered.every(it => it.body === Buffer.from(body).toString())).toBe(true)
}

/** A port that was free a moment ago, for programs that can not tell which one they took. */
async function freePort(): Promise<number> {
  const server = createTcpServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** Starts a program and waits for the line with which it says that it listens. */
async function start(program: string, args: readonly string[], isReady: RegExp): Promise<void> {
  const child: ChildProcess = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  const exited = once(child, 'exit')
  closers.push(async () => {
    child.kill('SIGKILL')
    await exited
  })
  const said: string[] = []
  await new Promise<void>((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr])
      createInterface({ input: stream as NodeJS.ReadableStream }).on('line', line => {
        said.push(line)
        if (isReady.test(line)) resolve()
      })
    void exited.then(() => reject(new Error(`${program} ended: ${said.join('\n')}`)))
  })
}

describe('Node’s own server', () => {
  /** Echoes bodies. */
  async function startNode(
    settings: Settings,
    onRequest?: (session: ServerHttp2Session) => void,
  ): Promise<string> {
    const server = createServer({ settings, maxSessionMemory: 100 })
    server.on('stream', stream => {
      stream.on('error', () => {})
      onRequest?.(stream.session as ServerHttp2Session)
      stream.respond({ ':status': 200 })
      stream.pipe(stream)
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    closers.push(() => server.close())
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  }

  test('with one stream at a time', async () => {
    const origin = await startNode({ maxConcurrentStreams: 1 })
    const body = Buffer.from('one by one')
    await expectEchoes(await run({ origin, assumedStreams: 1 }, 300, body), 300, body)
  })

  test('with one stream at a time, of which we learn too late', async () => {
    const origin = await startNode({ maxConcurrentStreams: 1 })
    const body = Buffer.from('refused at first')
    await expectEchoes(await run({ origin }, 300, body), 300, body)
  })

  test('with windows of one byte', async () => {
    const origin = await startNode({ initialWindowSize: 1 })
    const body = Buffer.from('byte by byte')
    await expectEchoes(await run({ origin }, 50, body), 50, body)
  })

  test('with frames of 16384 bytes and bodies of 60 KiB', async () => {
    const origin = await startNode({ maxFrameSize: 16_384 })
    await expectEchoes(await run({ origin }, 100, KIB_60), 100, KIB_60)
  })

  test('without a header table', async () => {
    const origin = await startNode({ headerTableSize: 0 })
    const body = Buffer.from('no table')
    await expectEchoes(await run({ origin }, 300, body), 300, body)
  })

  test('with all its settings changed in mid-flight, over and over', async () => {
    let requests = 0
    const origin = await startNode({}, session => {
      if (requests++ % 10 !== 0) return
      const step = requests % 7
      session.settings({
        headerTableSize: [4096, 0, 100, 1000][step % 4] as number,
        initialWindowSize: [65_535, 1000, 0, 100, 20_000][step % 5] as number,
        maxConcurrentStreams: [100, 1, 7][step % 3] as number,
        maxFrameSize: [16_384, 100_000][step % 2] as number,
      })
      // A window of 0 would end the talk, since Node gives back only what it was sent.
      setImmediate(() => session.destroyed || session.settings({ initialWindowSize: 65_535 }))
    })
    const body = Buffer.alloc(3000, 'change ')
    await expectEchoes(await run({ origin }, 500, body), 500, body)
  })

  test('over TLS', async () => {
    const certificate = createTestCertificate()
    const server = createSecureServer({ ...certificate })
    server.on('stream', stream => {
      stream.respond({ ':status': 200 })
      stream.pipe(stream)
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    closers.push(() => server.close())
    const origin = `https://127.0.0.1:${(server.address() as AddressInfo).port}`
    const secureContext = createSecureContext({ ca: certificate.cert })
    const body = Buffer.from('sealed')
    await expectEchoes(await run({ origin, secureContext }, 500, body), 500, body)
  })
})

describe.skipIf(!existsSync(NGHTTPD))('nghttpd (Debian package nghttp2-server)', () => {
  async function startNghttpd(...args: readonly string[]): Promise<string> {
    const port = await freePort()
    const all = ['--no-tls', '--echo-upload', '-v', '-a', '127.0.0.1', ...args, String(port)]
    await start(NGHTTPD, all, /listen 127\.0\.0\.1/)
    return `http://127.0.0.1:${port}`
  }

  const body = Buffer.from('to nghttpd')

  test('as it is, with 20 000 requests', async () => {
    const origin = await startNghttpd()
    await expectEchoes(await run({ origin }, 20_000, body), 20_000, body)
  })

  test('with one stream at a time', async () => {
    const origin = await startNghttpd('-m', '1')
    await expectEchoes(await run({ origin }, 300, body), 300, body)
  })

  test('with windows of one byte', async () => {
    const origin = await startNghttpd('-w', '1')
    await expectEchoes(await run({ origin }, 50, body), 50, body)
  })

  test('with bodies of 60 KiB', async () => {
    const origin = await startNghttpd()
    await expectEchoes(await run({ origin }, 100, KIB_60), 100, KIB_60)
  })

  test('with header tables of 0 on both sides', async () => {
    const origin = await startNghttpd('--header-table-size=0', '--encoder-header-table-size=0')
    await expectEchoes(await run({ origin }, 300, body), 300, body)
  })

  test('with padding in every frame, and trailers', async () => {
    const origin = await startNghttpd('--padding=200', '--trailer=x-check: 1')
    await expectEchoes(await run({ origin }, 300, body), 300, body)
  })
})

describe.skipIf(!existsSync(NGINX))('nginx (Debian package nginx-light)', () => {
  let accessLog = ''

  async function startNginx(http: string): Promise<string> {
    const port = await freePort()
    const folder = mkdtempSync(join(tmpdir(), 'roost-nginx-'))
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
      .map(it => `${it}_temp_path ${folder}/${it};`)
      .join(' ')
    const file = join(folder, 'nginx.conf')
    accessLog = join(folder, 'access.log')
    writeFileSync(
      file,
      `daemon off; master_process off; pid ${folder}/pid; error_log stderr notice;
       events { worker_connections 64; }
       http { log_format path $request_uri; access_log ${accessLog} path; ${temporary} ${http}
         server { listen 127.0.0.1:${port} http2; location / { return 200 'from nginx'; } } }`,
    )
    closers.push(() => rmSync(folder, { recursive: true }))
    // It listens before it says what it uses to wait for events.
    await start(NGINX, ['-p', folder, '-c', file, '-e', 'stderr'], /using the "\w+" event method/)
    return `http://127.0.0.1:${port}`
  }

  async function expectAnswers({ ledger, tags }: Run, count: number): Promise<void> {
    const answered = (await ledger.outcomes(tags)).filter(it => it.kind === 'answered')
    expect([answered.length, ledger.counts().uncertain]).toEqual([count, 0])
    expect(answered.every(it => it.status === 200 && it.body === 'from nginx')).toBe(true)
    // What we called "not sent" nginx has not processed.
    const processed = readFileSync(accessLog, 'utf8').trim().split('\n')
    expect([processed.length, new Set(processed).size]).toEqual([count, count])
  }

  test('as it is, with GOAWAY after every 1000 requests', async () => {
    const origin = await startNginx('')
    await expectAnswers(await run({ origin }, 5000, Buffer.from('x')), 5000)
  })

  test('with GOAWAY after every 10 requests', async () => {
    const origin = await startNginx('keepalive_requests 10;')
    await expectAnswers(await run({ origin }, 500, Buffer.from('x')), 500)
  })

  test('with one stream at a time', async () => {
    const origin = await startNginx('http2_max_concurrent_streams 1;')
    await expectAnswers(await run({ origin }, 300, Buffer.from('x')), 300)
  })

  test('with bodies of 60 KiB that it answers before they are through', async () => {
    const origin = await startNginx('')
    await expectAnswers(await run({ origin }, 100, KIB_60), 100)
  })

  test('with header blocks of 30 KB in CONTINUATION frames', async () => {
    const origin = await startNginx('large_client_header_buffers 4 64k;')
    const template = new HeaderTemplate({
      constant: [...PUSH.pseudo, ['x-long', 'long '.repeat(6000)]],
      variable: ['apns-id'],
    })
    await expectAnswers(await run({ origin }, 20, Buffer.from('x'), template), 20)
  })
})
