import { expect, test } from 'vitest'
import { fromBase64url, toBase64, toBase64url } from './base64.ts'

const BYTES = new Uint8Array([0xfb, 0xff, 0xfe, 0x01])

test('keys leave in the standard alphabet with padding, VAPID keys in the URL alphabet without', () => {
  expect(toBase64(BYTES.buffer)).toBe('+//+AQ==')
  expect(toBase64url(BYTES.buffer)).toBe('-__-AQ')
})

test('both spellings are read', () => {
  expect(fromBase64url('-__-AQ')).toEqual(BYTES)
  expect(fromBase64url('+//+AQ==')).toEqual(BYTES)
})
