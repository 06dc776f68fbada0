/** Commands that call a server, when something else answers in its place. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { StartError } from '../../store/folder.ts'
import { ServerCaller } from './caller.ts'

async function callerOf(status: number): Promise<ServerCaller> {
  const proxy = createServer((_, reply) => reply.writeHead(status).end('<html>Sign in</html>'))
  onTestFinished(() => void proxy.close())
  await once(proxy.listen(0, '127.0.0.1'), 'listening')
  const { port } = proxy.address() as AddressInfo
  return new ServerCaller({ url: `http://127.0.0.1:${port}`, app: 'ABCDE-FGHJK', token: 'token' })
}

test.each([200, 502])('a page of a proxy with status %d is told with where to look', async status => {
  const caller = await callerOf(status)
  const fault = await caller.json('GET', '/credentials').catch((error: unknown) => error)
  expect(fault).toBeInstanceOf(StartError)
  expect(fault).toMatchObject({
    message: expect.stringContaining('GET /credentials'),
    remedy: expect.stringContaining('proxy'),
  })
})
