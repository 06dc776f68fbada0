/** The client is held to the table that users read, row by row (docs/gateway-answers/hms.json). */
import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { attemptTo, clockAt, peerAndTransport } from '../../test/fixtures.ts'
import type { PeerRequest } from '../../test/peer.ts'
import { createHmsClient } from './client.ts'

interface Row {
  readonly status: number | null
  readonly code: string | null
  readonly outcome: string
  readonly case?: string
}

const PAGE = new URL('../../../../docs/gateway-answers/hms.json', import.meta.url)
const { rows } = JSON.parse(await readFile(PAGE, 'utf8')) as { readonly rows: readonly Row[] }

/** In the words of the table's column `case`. */
const OTHERS_WERE_TAKEN = 'one token, others were taken'
const SOME_TOKENS = '80100000'

function answerAs({ status, code }: Row, request: PeerRequest): void {
  if (code === null) return request.answer(status ?? 400, {}, 'no JSON')
  const listed = JSON.stringify({ success: 1, failure: 1, illegal_tokens: ['listed'] })
  request.answer(status ?? 400, {}, { code, msg: code === SOME_TOKENS ? listed : 'words', requestId: 'r' })
}

test.each(rows)('$status $code $case is $outcome', async row => {
  let isFirst = row.case === OTHERS_WERE_TAKEN
  const { peer, transport } = await peerAndTransport(request => {
    if (request.path === '/token') return request.answer(200, {}, { access_token: 't', expires_in: 3600 })
    if (!isFirst) return answerAs(row, request)
    isFirst = false
    request.answer(200, {}, { code: '80000000', msg: 'Success', requestId: 'r' })
  })
  const client = createHmsClient({
    credential: { appId: '1', clientId: '1', clientSecret: 's' },
    baseUrl: peer.origin,
    tokenUrl: `${peer.origin}/token`,
    transport,
    clock: clockAt('2026-11-02T10:00:00Z'),
  })
  if (isFirst) await client.send(attemptTo({ token: 'taken' }))
  const tokens = row.code === SOME_TOKENS ? ['listed', 'not listed'] : ['one']
  const outcomes = await Promise.all(tokens.map(token => client.send(attemptTo({ token }))))
  const [kind, scope] = row.outcome.split(' ')
  const outcome = outcomes[row.case === 'not listed' ? 1 : 0]
  expect(outcome).toMatchObject({ kind, ...(scope === undefined ? {} : { scope }) })
})
