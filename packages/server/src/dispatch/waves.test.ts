/** Waves: when a mismatch is the credential's and not the address's. */
import { expect, test } from 'vitest'
import { Waves } from './waves.ts'

function after(accepted: number, mismatched: number) {
  const waves = new Waves()
  for (let i = 0; i < accepted; i++) waves.note('key', 'accepted')
  for (let i = 0; i < mismatched; i++) waves.note('key', 'mismatched')
  return waves.judge('key')
}

test.each([
  [0, 1, 'little', 'a first mismatch proves little'],
  [0, 9, 'little', 'a few phones without any acceptance prove little'],
  [0, 10, 'wave', 'ten without any acceptance are a wave'],
  [1, 1, 'full', 'one acceptance proves the credential'],
  [1, 10, 'little', 'many beside one acceptance prove little'],
  [40, 10, 'full', 'one in five is the base, not the credential'],
  [39, 10, 'little', 'more than one in five is not'],
])('%i accepted and %i mismatched: %s (%s)', (accepted, mismatched, verdict) => {
  expect(after(accepted, mismatched)).toBe(verdict)
})

test('what is long ago counts less and less', () => {
  const waves = new Waves()
  for (let i = 0; i < 10; i++) waves.note('key', 'mismatched')
  for (let i = 0; i < 10_000; i++) waves.note('key', 'accepted')
  for (let i = 0; i < 50; i++) waves.note('key', 'mismatched')
  expect(waves.judge('key')).toBe('full')
  for (let i = 0; i < 500; i++) waves.note('key', 'mismatched')
  expect(waves.judge('key')).toBe('little')
})

test('contents of a credential and its parts are judged apart', () => {
  const waves = new Waves()
  for (let i = 0; i < 10; i++) waves.note('key 1 sandbox', 'mismatched')
  expect(waves.judge('key 1 sandbox')).toBe('wave')
  expect(waves.judge('key 1 production')).toBe('little')
})
