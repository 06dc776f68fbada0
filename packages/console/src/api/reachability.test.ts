import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { Reachability } from './reachability.ts'

let server: Server | undefined

afterEach(() => new Promise<void>(resolve => (server ? server.close(() => resolve()) : resolve())))

async function listen(statuses: number[]): Promise<string> {
  server = createServer((_request, response) => {
    response.writeHead(statuses.shift() ?? 200, { connection: 'close' }).end()
  })
  await new Promise<void>(resolve => server?.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
}

test('a lost server is asked for until it answers well, and listeners hear of both', async () => {
  const statuses = [503, 503, 200]
  const baseUrl = await listen(statuses)
  const heard: boolean[] = []
  await new Promise<void>(resolve => {
    const reachability = new Reachability({ baseUrl, probeEveryMs: 1, onBack: resolve })
    reachability.subscribe(() => heard.push(reachability.isLost()))
    reachability.report(false)
    reachability.report(false)
  })
  expect(heard).toEqual([true, false])
  expect(statuses).toEqual([])
})

test('answers while all is well are nothing to tell of', () => {
  const heard: boolean[] = []
  const reachability = new Reachability({ baseUrl: 'http://127.0.0.1/', onBack: () => heard.push(true) })
  reachability.subscribe(() => heard.push(reachability.isLost()))
  reachability.report(true)
  expect(heard).toEqual([])
})
