/** Secrets at rest open only with the same secret, in the same slot, and unaltered. */
import { expect, test } from 'vitest'
import { Seal } from './seal.ts'

const SECRET = '0123456789abcdef0123456789abcdef'
const PLAINTEXT = '{"p8":"-----BEGIN PRIVATE KEY-----"}'
const seal = new Seal(SECRET)

test.each([[''], ['x'], [PLAINTEXT], ['Schlüssel 🔑'], ['k'.repeat(100_000)]])(
  'what was closed opens again (%#)',
  plaintext => {
    expect(seal.open('slot', seal.close('slot', plaintext))).toBe(plaintext)
  },
)

/** Sealed apart from this code, with Python's `cryptography`: stored credentials must open in every version. */
test('a value that was sealed long ago still opens', () => {
  const sealed = Buffer.from(
    '01000102030405060708090a0b18e0595dd71fcc010c0d7ca02d79051c3ab41189e25650b00d531d21a2',
    'hex',
  )
  expect(seal.open('slot', sealed)).toBe('an old secret')
})

test('the same secret opens it in another process, another secret does not', () => {
  const sealed = seal.close('slot', PLAINTEXT)
  expect(new Seal(SECRET).open('slot', sealed)).toBe(PLAINTEXT)
  expect(() => new Seal(`${SECRET.slice(1)}0`).open('slot', sealed)).toThrow()
})

test('a value that was copied to another slot does not open', () => {
  expect(() => seal.open('other', seal.close('slot', PLAINTEXT))).toThrow()
})

test('no byte of a sealed value can be altered or cut off', () => {
  const sealed = seal.close('slot', PLAINTEXT)
  for (let i = 0; i < sealed.length; i++) {
    const altered = Buffer.from(sealed)
    altered[i] = (altered[i] ?? 0) ^ 1
    expect(() => seal.open('slot', altered), `byte ${i}`).toThrow()
    expect(() => seal.open('slot', sealed.subarray(0, i)), `${i} bytes`).toThrow()
  }
})

test('a value of a later form is refused by its number', () => {
  const sealed = seal.close('slot', PLAINTEXT)
  sealed[0] = 2
  expect(() => seal.open('slot', sealed)).toThrow('form 2; this version reads 1')
})

test('a plaintext is sealed differently each time, and never shows', () => {
  const [one, two] = [seal.close('slot', PLAINTEXT), seal.close('slot', PLAINTEXT)]
  expect(one.equals(two)).toBe(false)
  expect(one.toString('latin1')).not.toContain('PRIVATE')
})
