import { expect, test } from 'vitest'
import type { TransportRequest } from './client.ts'
import { reportStep, takeInvitation } from './invitation.ts'
import { codeIn } from './invitation-code.ts'

const DEVICE = { baseUrl: 'https://push.example', application: 'AAAAA-BBBBB', hwid: 'phone' }

test('a code is found in the fragment of a page, alone or behind a route of the site', () => {
  expect(codeIn('#roost-test=Ab-_9')).toBe('Ab-_9')
  expect(codeIn('#/shop&roost-test=Ab-_9')).toBe('Ab-_9')
  expect(codeIn('#my-roost-test=Ab')).toBeUndefined()
  expect(codeIn('')).toBeUndefined()
})

test('a code that was taken gives the ticket', async () => {
  const asked: TransportRequest[] = []
  const transport = async (request: TransportRequest) => {
    asked.push(request)
    return { status: 200, body: '{"ticket":"t1"}' }
  }
  expect(await takeInvitation(transport, DEVICE, 'c1')).toBe('t1')
  expect(asked[0]?.url).toBe('https://push.example/v1/test-invitations/take')
  expect(JSON.parse(asked[0]?.body ?? '')).toEqual({ code: 'c1', application: 'AAAAA-BBBBB', hwid: 'phone' })
})

test.each([
  ['another phone has it', { status: 409, body: '{"code":"invitation_taken"}' }],
  ['a proxy answers with a page', { status: 200, body: '<html>' }],
])('without a ticket nothing is thrown: %s', async (_, answer) => {
  expect(await takeInvitation(async () => answer, DEVICE, 'c1')).toBeUndefined()
})

test('a report that gets no answer disturbs nobody', async () => {
  const transport = () => Promise.reject(new Error('no network'))
  await expect(
    reportStep(transport, DEVICE.baseUrl, { ticket: 't1', step: 'upload' }),
  ).resolves.toBeUndefined()
})
