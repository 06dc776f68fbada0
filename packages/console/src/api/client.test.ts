import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { ApiProblem, createApi } from './client.ts'

const servers: Server[] = []

afterEach(async () => {
  await Promise.all(servers.splice(0).map(server => new Promise(resolve => server.close(resolve))))
})

async function serve(answer: RequestListener): Promise<string> {
  const server = createServer((request, response) => {
    response.setHeader('connection', 'close')
    answer(request, response)
  })
  servers.push(server)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
}

async function problemOf(call: Promise<unknown>): Promise<ApiProblem> {
  const reason = await call.then(
    () => 'no refusal',
    (error: unknown) => error,
  )
  expect(reason).toBeInstanceOf(ApiProblem)
  return reason as ApiProblem
}

describe('a call', () => {
  test('carries the token as a header and every name percent-encoded', async () => {
    const asked: (string | undefined)[] = []
    const baseUrl = await serve((request, response) => {
      asked.push(request.url, request.headers.authorization)
      response.end('{"entries":[{"event":"dead"}]}')
    })
    const entries = await createApi({ baseUrl, token: 'rst_1' }).ledger('A/B', 'h?w#1')
    expect(entries).toEqual([{ event: 'dead' }])
    expect(asked).toEqual(['/v1/apps/A%2FB/devices/h%3Fw%231/ledger', 'Bearer rst_1'])
  })

  test('stays below the path under which the console is served', async () => {
    const asked: (string | undefined)[] = []
    const baseUrl = await serve((request, response) => {
      asked.push(request.url)
      response.end('{"apps":[]}')
    })
    await createApi({ baseUrl: `${baseUrl}push/`, token: 't' }).apps()
    expect(asked).toEqual(['/push/v1/apps'])
  })

  test('sends a search as it was typed', async () => {
    const searches: (string | null)[] = []
    const baseUrl = await serve((request, response) => {
      searches.push(new URL(request.url ?? '', 'http://x').searchParams.get('search'))
      response.end('{"devices":[]}')
    })
    await createApi({ baseUrl, token: 't' }).devices('A', 'a+b & ü')
    expect(searches).toEqual(['a+b & ü'])
  })
})

describe('a refusal', () => {
  test('keeps the code, remedy and request id of the server', async () => {
    const baseUrl = await serve((_request, response) => {
      response.writeHead(401, { 'content-type': 'application/problem+json' })
      response.end('{"code":"token_unknown","detail":"No match.","remedy":"Make one.","requestId":"r1"}')
    })
    const problem = await problemOf(createApi({ baseUrl, token: 't' }).apps())
    expect(problem.body).toEqual({
      status: 401,
      code: 'token_unknown',
      detail: 'No match.',
      remedy: 'Make one.',
      requestId: 'r1',
    })
    expect(problem.isPassing).toBe(false)
  })

  test("a proxy's page is told from an answer of the server and may pass", async () => {
    const baseUrl = await serve((_request, response) => {
      response.writeHead(502, { 'content-type': 'text/html' })
      response.end('<h1>Bad gateway</h1>')
    })
    const problem = await problemOf(createApi({ baseUrl, token: 't' }).apps())
    expect(problem.body).toMatchObject({ status: 502, code: 'answer_unreadable' })
    expect(problem.isPassing).toBe(true)
  })

  test('a page with status 200 is not taken for data', async () => {
    const baseUrl = await serve((_request, response) => void response.end('<!doctype html>'))
    const problem = await problemOf(createApi({ baseUrl, token: 't' }).apps())
    expect(problem.body.code).toBe('answer_unreadable')
  })

  test('a server that has gone is unreachable and may come back', async () => {
    const baseUrl = await serve((_request, response) => void response.end())
    await new Promise(resolve => servers.pop()?.close(resolve))
    const problem = await problemOf(createApi({ baseUrl, token: 't' }).apps())
    expect(problem.body).toMatchObject({ status: 0, code: 'server_unreachable' })
    expect(problem.isPassing).toBe(true)
  })

  test('a connection lost in the middle of an answer is unreachable too', async () => {
    const baseUrl = await serve((_request, response) => {
      response.writeHead(200, { 'content-length': '100' })
      response.write('{"apps":', () => response.destroy())
    })
    const problem = await problemOf(createApi({ baseUrl, token: 't' }).apps())
    expect(problem.body.code).toBe('server_unreachable')
  })

  test('a server that takes the call and never answers is given up', async () => {
    const baseUrl = await serve(() => {})
    const problem = await problemOf(createApi({ baseUrl, token: 't', timeoutMs: 50 }).apps())
    expect(problem.body.code).toBe('server_unreachable')
  })

  test('a token that no header can carry is refused here, and not repeated in the message', async () => {
    const problem = await problemOf(createApi({ baseUrl: 'http://127.0.0.1/', token: 'géheim\nwort' }).apps())
    expect(problem.body).toMatchObject({ status: 401, code: 'token_malformed' })
    expect(JSON.stringify(problem.body)).not.toContain('heim')
  })

  test('a change carries its body as JSON, and 204 is an answer without one', async () => {
    const asked: string[] = []
    const baseUrl = await serve((request, response) => {
      let body = ''
      request.on('data', (chunk: Buffer) => {
        body += chunk.toString()
      })
      request.on('end', () => {
        asked.push(`${request.method} ${request.url} ${request.headers['content-type']} ${body}`)
        if (request.method === 'DELETE') response.writeHead(204).end()
        else response.end('{"id":"c1"}')
      })
    })
    const api = createApi({ baseUrl, token: 't' })
    expect(await api.replaceCredential('A', 'c/1', { kind: 'p8' })).toEqual({ id: 'c1' })
    expect(await api.checkCredential('A', 'c1')).toEqual({ id: 'c1' })
    expect(await api.deleteCredential('A', 'c1')).toBeUndefined()
    expect(asked).toEqual([
      'PUT /v1/apps/A/credentials/c%2F1 application/json {"kind":"p8"}',
      'POST /v1/apps/A/credentials/c1/check undefined ',
      'DELETE /v1/apps/A/credentials/c1 undefined ',
    ])
  })

  test('a call that is no longer wanted ends as aborted, not as a problem', async () => {
    const wanted = new AbortController()
    const baseUrl = await serve(() => wanted.abort())
    const call = createApi({ baseUrl, token: 't' }).apps(wanted.signal)
    await expect(call).rejects.toMatchObject({ name: 'AbortError' })
  })
})
