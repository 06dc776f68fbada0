/** Images of messages, loaded over real TLS from a host of the test's own. */
import { writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { makeCertificate } from '../../../gateways/test/peer.ts'
import { type Access, type BareServer, startBare } from '../../test/bare.ts'

const PNG = Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex')
const WEBP = Buffer.from('RIFF\x00\x00\x00\x00WEBPVP8 ', 'latin1')

interface Answer {
  readonly status?: number
  readonly type?: string
  readonly body?: Buffer
  /** Beside the body, zeros. */
  readonly filler?: number
}

const ANSWERS: Readonly<Record<string, Answer>> = {
  '/good.png': { type: 'image/png', body: PNG },
  '/good.webp': { type: 'image/webp', body: WEBP },
  '/page': { type: 'text/html', body: Buffer.from('<html>') },
  '/png-as-text': { type: 'text/plain', body: PNG },
  '/svg': { type: 'image/svg+xml', body: Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>') },
  '/gone': { status: 404, type: 'image/png', body: PNG },
  '/moved': { status: 302 },
  '/large.png': { type: 'image/png', body: PNG, filler: 1_000_000 },
  '/huge.png': { type: 'image/png', body: PNG, filler: 20_000_000 },
}

let server: BareServer
let strict: BareServer
let access: Access
let host: Server
let origin: string
const asked: string[] = []

beforeAll(async () => {
  const certificate = await makeCertificate()
  host = createServer(certificate, (request, response) => {
    const path = request.url ?? ''
    asked.push(path)
    const { status = 200, type, body, filler = 0 } = ANSWERS[path] ?? { status: 404 }
    response.writeHead(status, type === undefined ? {} : { 'content-type': type })
    response.write(body ?? '')
    response.end(Buffer.alloc(filler))
  })
  await new Promise<void>(resolve => host.listen(0, '127.0.0.1', resolve))
  origin = `https://127.0.0.1:${(host.address() as AddressInfo).port}`
  const caFile = join(tmpdir(), `roost-image-ca-${process.pid}.pem`)
  await writeFile(caFile, certificate.cert)
  const environment = { ROOST_EXTRA_CA: caFile }
  server = await startBare({
    environment: { ...environment, ROOST_ALLOW_PRIVATE_ENDPOINTS: '1' },
  })
  strict = await server.another({ environment })
  access = await server.createApp()
})
afterAll(async () => {
  await strict.close()
  await server.close()
  host.closeAllConnections()
  await new Promise(resolve => host.close(resolve))
})

function post(content: Record<string, unknown>, by = server) {
  const message = { to: { devices: ['nobody'] }, content: { body: 'x', ...content } }
  return by.rest('POST', `/v1/apps/${access.app}/messages`, message)
}

describe('an image', () => {
  test.each(['/good.png', '/good.webp'])('that phones can show is taken: %s', async path => {
    expect(await post({ image: origin + path })).toMatchObject({
      status: 202,
      body: { id: expect.any(String) },
    })
    expect(asked).toContain(path)
  })

  test.each([
    ['/page', /: it is no JPEG, PNG, GIF or WebP; it calls itself text\/html/, 'image_unknown_kind'],
    ['/svg', /it calls itself image\/svg\+xml/, 'image_unknown_kind'],
    ['/png-as-text', /its content type is text\/plain and not image/, 'image_content_type'],
    ['/gone', /it answers 404/, 'image_status'],
    ['/moved', /it answers 302, a redirect/, 'image_redirects'],
    ['/huge.png', /it has more than 10000000 bytes/, 'image_too_large'],
  ])('that phones can not show is refused, and why: %s', async (path, words, code) => {
    const answer = await post({ image: origin + path })
    expect(answer).toMatchObject({
      status: 400,
      body: {
        code: 'image_refused',
        detail: expect.stringMatching(words),
        remarks: [{ code, place: 'content/image', values: { image: origin + path } }],
      },
    })
    expect(answer.body.detail).toContain(path)
  })

  test('of a language or a gateway alone is looked at, too', async () => {
    expect((await post({ languages: { de: { image: `${origin}/gone` } } })).body.code).toBe('image_refused')
    expect((await post({ apns: { languages: { de: { image: `${origin}/page` } } } })).body.code).toBe(
      'image_refused',
    )
  })

  test('that is bad is told and sent where the sender chose so, and the message remembers it', async () => {
    const { status, body } = await post({ image: `${origin}/gone`, onBadImage: 'warn' })
    expect({ status, warnings: body.warnings }).toEqual({
      status: 202,
      warnings: [`image ${origin}/gone: it answers 404`],
    })
    const read = await server.rest('GET', `/v1/apps/${access.app}/messages/${body.id}`)
    expect(read.body.warnings).toEqual(body.warnings)
    expect(read.body.remarks).toMatchObject([
      { code: 'image_status', place: 'content/image', values: { image: `${origin}/gone`, status: 404 } },
    ])
  })

  test('too large for Android alone is a warning', async () => {
    const { status, body } = await post({ image: `${origin}/large.png` })
    expect({ status, warnings: body.warnings }).toEqual({
      status: 202,
      warnings: [`image ${origin}/large.png: it has 1000016 bytes; Android shows up to 1000000`],
    })
  })

  test('with a template in its path is not loaded, and its host is no template', async () => {
    expect((await post({ image: `${origin}/{{ user.id }}.png`, onMissing: 'blank' })).status).toBe(202)
    expect(asked.filter(path => path.includes('{'))).toEqual([])
    for (const host of ['{{ user.id }}', 'img.example.com{{ user.id }}', 'img.example.com\\{{ user.id }}'])
      expect((await post({ image: `https://${host}/x.png` })).body).toMatchObject({ code: 'input_invalid' })
  })

  test('is loaded once for many messages, and again after a minute', async () => {
    const countOf = () => asked.filter(path => path === '/good.png').length
    await post({ image: `${origin}/good.png` })
    const before = countOf()
    await Promise.all(Array.from({ length: 5 }, () => post({ image: `${origin}/good.png` })))
    expect(countOf()).toBe(before)
    server.clock.advance(61_000)
    await post({ image: `${origin}/good.png` })
    expect(countOf()).toBe(before + 1)
  })

  test.each([
    'https://127.0.0.1/a.png',
    'https://10.0.0.1/a.png',
    'https://localhost/a.png',
    'https://[::1]/a.png',
  ])('in our own network is not asked for: %s', async image => {
    const { body } = await post({ image }, strict)
    expect(body).toMatchObject({
      code: 'image_refused',
      detail: expect.stringMatching(/not a public address/i),
    })
  })

  test('on a port of our own network is not asked for', async () => {
    const before = asked.length
    expect((await post({ image: `${origin}/good.png` }, strict)).body.detail).toMatch(
      /port \d+ instead of 443/,
    )
    expect(asked.length).toBe(before)
  })
})
