import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { type Api, ApiProblem, createApi, path, query } from './client.ts'

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

const apps = (api: Api): Promise<unknown> => api.get('v1/apps')

describe('a call', () => {
  test('carries the token as a header and every name percent-encoded', async () => {
    const asked: (string | undefined)[] = []
    const baseUrl = await serve((request, response) => {
      asked.push(request.url, request.headers.authorization)
      response.end('{"entries":[{"event":"dead"}]}')
    })
    const answer = await createApi({ baseUrl, token: 'rst_1' }).get(
      path`v1/apps/${'A/B'}/devices/${'h?w#1'}/ledger`,
    )
    expect(answer).toEqual({ entries: [{ event: 'dead' }] })
    expect(asked).toEqual(['/v1/apps/A%2FB/devices/h%3Fw%231/ledger', 'Bearer rst_1'])
  })

  test('stays below the path under which the console is served', async () => {
    const asked: (string | undefined)[] = []
    const baseUrl = await serve((request, response) => {
      asked.push(request.url)
      response.end('{"apps":[]}')
    })
    await apps(createApi({ baseUrl: `${baseUrl}push/`, token: 't' }))
    expect(asked).toEqual(['/push/v1/apps'])
  })

  test('of a person carries no token: the browser adds the cookie; and the server is told the language', async () => {
    const asked: (string | undefined)[] = []
    const baseUrl = await serve((request, response) => {
      asked.push(request.headers.authorization, request.headers['accept-language'])
      response.end('{"apps":[]}')
    })
    await apps(createApi({ baseUrl, token: undefined, language: () => 'pt-BR' }))
    expect(asked).toEqual([undefined, 'pt-BR'])
  })

  test('sends a search as it was typed', async () => {
    const searches: (string | null)[] = []
    const baseUrl = await serve((request, response) => {
      searches.push(new URL(request.url ?? '', 'http://x').searchParams.get('search'))
      response.end('{"devices":[]}')
    })
    await createApi({ baseUrl, token: 't' }).get(`v1/apps/A/devices${query({ search: 'a+b & ü' })}`)
    expect(searches).toEqual(['a+b & ü'])
  })

  test('gives the ETag of a reading, and brings it back with the change', async () => {
    const asked: (string | undefined)[] = []
    const baseUrl = await serve((request, response) => {
      asked.push(request.headers['if-match'])
      response.writeHead(200, { etag: '"one"' })
      response.end('{"name":"x"}')
    })
    const api = createApi({ baseUrl, token: 't' })
    const { data, etag } = await api.read('v1/thing')
    expect([data, etag]).toEqual([{ name: 'x' }, '"one"'])
    await api.patch('v1/thing', { name: 'y' }, { ifMatch: etag })
    expect(asked).toEqual([undefined, '"one"'])
  })

  test('sends a file as it is', async () => {
    const came: string[] = []
    const baseUrl = await serve((request, response) => {
      request.setEncoding('utf8').on('data', (text: string) => came.push(text))
      request.on('end', () => {
        came.push(request.headers['content-type'] ?? '')
        response.end('{}')
      })
    })
    await createApi({ baseUrl, token: 't' }).post('v1/ids', new Blob(['hwid\na\n'], { type: 'text/csv' }))
    expect(came).toEqual(['hwid\na\n', 'text/csv'])
  })

  test('asks for nothing where nothing is given', () => {
    expect(query({ search: '', limit: undefined })).toBe('')
    expect(query({ search: '', limit: 20, exact: false })).toBe('?limit=20&exact=false')
  })
})

describe('a refusal', () => {
  test('keeps the code, remedy and request id of the server', async () => {
    const baseUrl = await serve((_request, response) => {
      response.writeHead(401, { 'content-type': 'application/problem+json' })
      response.end('{"code":"token_unknown","detail":"No match.","remedy":"Make one.","requestId":"r1"}')
    })
    const problem = await problemOf(apps(createApi({ baseUrl, token: 't' })))
    expect(problem.body).toEqual({
      status: 401,
      code: 'token_unknown',
      detail: 'No match.',
      remedy: 'Make one.',
      requestId: 'r1',
    })
    expect(problem.isPassing).toBe(false)
  })

  test('says when to come again', async () => {
    const baseUrl = await serve((_request, response) => {
      response.writeHead(429, { 'retry-after': '7' })
      response.end('{"code":"too_many"}')
    })
    const problem = await problemOf(apps(createApi({ baseUrl, token: 't' })))
    expect(problem.body.retryAfterSeconds).toBe(7)
  })

  test("a proxy's page is told from an answer of the server and may pass", async () => {
    const baseUrl = await serve((_request, response) => {
      response.writeHead(502, { 'content-type': 'text/html' })
      response.end('<h1>Bad gateway</h1>')
    })
    const problem = await problemOf(apps(createApi({ baseUrl, token: 't' })))
    expect(problem.body).toMatchObject({ status: 502, code: 'answer_unreadable' })
    expect(problem.isPassing).toBe(true)
  })

  test('a page with status 200 is not taken for data', async () => {
    const baseUrl = await serve((_request, response) => void response.end('<!doctype html>'))
    const problem = await problemOf(apps(createApi({ baseUrl, token: 't' })))
    expect(problem.body.code).toBe('answer_unreadable')
  })

  test('a server that has gone is unreachable and may come back', async () => {
    const baseUrl = await serve((_request, response) => void response.end())
    await new Promise(resolve => servers.pop()?.close(resolve))
    const problem = await problemOf(apps(createApi({ baseUrl, token: 't' })))
    expect(problem.body).toMatchObject({ status: 0, code: 'server_unreachable' })
    expect(problem.isPassing).toBe(true)
  })

  test('a connection lost in the middle of an answer is unreachable too', async () => {
    const baseUrl = await serve((_request, response) => {
      response.writeHead(200, { 'content-length': '100' })
      response.write('{"apps":', () => response.destroy())
    })
    const problem = await problemOf(apps(createApi({ baseUrl, token: 't' })))
    expect(problem.body.code).toBe('server_unreachable')
  })

  test('a server that takes the call and never answers is given up', async () => {
    const baseUrl = await serve(() => {})
    const problem = await problemOf(apps(createApi({ baseUrl, token: 't', timeoutMs: 50 })))
    expect(problem.body.code).toBe('server_unreachable')
  })

  test('a token that no header can carry is refused here, and not repeated in the message', async () => {
    const problem = await problemOf(apps(createApi({ baseUrl: 'http://127.0.0.1/', token: 'géheim\nwort' })))
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
    const credential = path`v1/apps/A/credentials/${'c/1'}`
    expect(await api.put(credential, { kind: 'p8' })).toEqual({ id: 'c1' })
    expect(await api.post(`${credential}/check`)).toEqual({ id: 'c1' })
    expect(await api.delete(credential)).toBeUndefined()
    expect(asked).toEqual([
      'PUT /v1/apps/A/credentials/c%2F1 application/json {"kind":"p8"}',
      'POST /v1/apps/A/credentials/c%2F1/check undefined ',
      'DELETE /v1/apps/A/credentials/c%2F1 undefined ',
    ])
  })

  test('a call that is no longer wanted ends as aborted, not as a problem', async () => {
    const wanted = new AbortController()
    const baseUrl = await serve(() => wanted.abort())
    const call = createApi({ baseUrl, token: 't' }).get('v1/apps', { signal: wanted.signal })
    await expect(call).rejects.toMatchObject({ name: 'AbortError' })
  })
})
