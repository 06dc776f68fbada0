import { WEBHOOK_EVENTS } from '@roost/protocol'
import { expect, test } from 'vitest'
import { ALL_EVENTS, faultOfUrl } from './events.ts'

test('every event that the server tells of is offered, once', () => {
  expect(ALL_EVENTS.toSorted()).toEqual([...WEBHOOK_EVENTS].toSorted())
})

test.each([
  ['', 'missing'],
  ['  ', 'missing'],
  ['hooks.example.com/roost', 'malformed'],
  ['http://hooks.example.com/roost', 'insecure'],
  [' https://hooks.example.com/roost ', undefined],
])('the address "%s" is %s', (text, fault) => {
  expect(faultOfUrl(text)).toBe(fault)
})
