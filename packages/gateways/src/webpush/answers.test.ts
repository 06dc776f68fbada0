/** The client is held to the tables that users read, row by row (docs/gateway-answers/web-push.json). */
import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { attemptTo, clockAt, peerAndTransport } from '../../test/fixtures.ts'
import type { PeerRequest } from '../../test/peer.ts'
import { makeSubscriber } from '../../test/subscriber.ts'
import { createWebPushClient } from './client.ts'
import { generateVapidKeys } from './vapid.ts'

interface Row {
  readonly service: 'google' | 'autopush' | 'windows' | 'apple' | 'any'
  readonly status: number
  readonly errno?: number
  readonly says: string
  readonly outcome: string
  readonly part?: 'origin'
}

const PAGE = new URL('../../../../docs/gateway-answers/web-push.json', import.meta.url)
const { rows } = JSON.parse(await readFile(PAGE, 'utf8')) as { readonly rows: readonly Row[] }

/** Each service has its own place for what it says. */
function answerAs({ service, status, errno, says }: Row, request: PeerRequest): void {
  switch (service) {
    case 'google':
    case 'any':
      return request.answer(status, { 'content-type': 'text/plain' }, says)
    case 'autopush':
      return request.answer(
        status,
        {},
        { code: status, errno: errno ?? null, error: 'Phrase', message: says },
      )
    case 'windows':
      return request.answer(status, { 'x-wns-status': 'dropped', 'x-wns-error-description': says })
    case 'apple':
      return request.answer(status, {}, { reason: says })
  }
}

test.each(rows)('$service $status $errno "$says" is $outcome', async row => {
  const { peer, transport } = await peerAndTransport(request => answerAs(row, request))
  const client = createWebPushClient({
    credential: { ...generateVapidKeys(), subject: 'mailto:push@example.com' },
    transport,
    clock: clockAt('2026-11-02T10:00:00Z'),
    allowPrivate: true,
  })
  const [kind, scope] = row.outcome.split(' ')
  expect(await client.send(attemptTo(makeSubscriber().address(`${peer.origin}/x`)))).toMatchObject({
    kind,
    ...(scope === undefined ? {} : { scope }),
    ...(row.part === undefined ? {} : { part: peer.origin }),
  })
})
