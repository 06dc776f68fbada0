/** Node 20 is what a plain machine has, Node 24 what users should run: the server starts and sends on it, too. */
import type { MessageView } from '@roost/protocol'
import { createPhone, startSimulator } from '@roost/simulator'
import { expect, test } from 'vitest'
import { eventually } from './support/eventually.ts'
import { startRoostServer } from './support/roost-server.ts'

/** Set by `npm test`, which installs it; empty where it could not. */
const NODE_24 = process.env.ROOST_TEST_NODE_24 ?? ''
const BUNDLE_ID = 'com.example.node24'

test.skipIf(NODE_24 === '')('the server registers, sends and stops cleanly on Node 24', async () => {
  const simulator = await startSimulator()
  const server = await startRoostServer({
    environment: simulator.environment(),
    caPem: simulator.caPem,
    program: NODE_24,
  })
  try {
    const { code: app, deviceToken } = await server.rest<{ code: string; deviceToken: string }>(
      'POST',
      '/v1/apps',
      { name: 'Smoke' },
    )
    const key = simulator.apns.createTeamKey({ bundleId: BUNDLE_ID })
    await server.rest('POST', `/v1/apps/${app}/credentials`, { gateway: 'apns', kind: 'p8', ...key })
    const roost = { baseUrl: server.baseUrl, app, deviceToken }
    const phone = createPhone({ simulator, roost, platform: { kind: 'ios', bundleId: BUNDLE_ID } })
    await phone.open()
    const { id } = await server.rest<{ id: string }>('POST', `/v1/apps/${app}/messages`, {
      to: { all: true },
      content: { title: 'Hello' },
    })
    const { value: done } = await eventually({
      what: 'the message delivered',
      read: () => server.rest<MessageView>('GET', `/v1/apps/${app}/messages/${id}`),
      until: message => message.state === 'done' && message.counts.delivered === 1,
      withinMs: 60_000,
    })
    expect(done.counts).toMatchObject({ targeted: 1, accepted: 1 })
    const metrics = await fetch(`${server.baseUrl}/metrics`).then(answer => answer.text())
    expect(metrics).toMatch(/nodejs_version_info\{version="v24\./)
    phone.close()
  } finally {
    await server.close()
    await simulator.close()
  }
})
