/**
 * The start of all stand-ins together.
 */
import { type AddressInfo, createServer, Server } from 'node:net'
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { type SimulatorPorts, startSimulator } from './simulator.ts'

const blocker = createServer()

beforeAll(() => new Promise<void>(resolve => blocker.listen(0, '127.0.0.1', resolve)))
afterAll(() => new Promise(resolve => blocker.close(resolve)))

/** Every server that is asked to listen while the tests run; watched, not replaced. */
const listens = vi.spyOn(Server.prototype, 'listen')
beforeEach(() => {
  listens.mockClear()
})

test.each<keyof SimulatorPorts>([
  'apnsProduction',
  'apnsSandbox',
  'apnsManageProduction',
  'apnsManageSandbox',
  'fcm',
  'googleToken',
  'webPush',
  'browserPush',
  'windowsPush',
  'hms',
  'hmsToken',
  'chromeRegistration',
  'chromeStream',
])('a start on a port that is taken for %s fails, and leaves nothing open', async name => {
  const { port } = blocker.address() as AddressInfo
  await expect(startSimulator({ ports: { [name]: port } })).rejects.toMatchObject({ code: 'EADDRINUSE' })
  const servers = listens.mock.contexts as Server[]
  expect(servers.length).toBeGreaterThan(1)
  expect(servers.filter(server => server.listening)).toEqual([])
})
