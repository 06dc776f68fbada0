/** Passwords: how they are kept, and which are refused. */
import { expect, test } from 'vitest'
import { Passwords } from './passwords.ts'
import { requireStrong } from './weak-passwords.ts'

const STRANGER = { isKnown: false }

test('a password is kept as argon2id with 19 MiB and two passes, and is right in every form of its letters', async () => {
  const passwords = new Passwords()
  const stored = await passwords.hash('sieben müde Reiher am See')
  expect(stored).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
  const decomposed = 'sieben müde Reiher am See'.normalize('NFD')
  expect(await passwords.isRight(stored, decomposed, STRANGER)).toBe(true)
  expect(await passwords.isRight(stored, 'sieben müde Reiher am Meer', STRANGER)).toBe(false)
  expect(await passwords.isRight(undefined, 'sieben müde Reiher am See', STRANGER)).toBe(false)
})

test('a name that is none costs as much as one that is', async () => {
  const passwords = new Passwords()
  const stored = await passwords.hash('x')
  const timeOf = async (of: string | undefined) => {
    const at = performance.now()
    await passwords.isRight(of, 'y', STRANGER)
    return performance.now() - at
  }
  let [none, one] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY]
  for (let n = 0; n < 15; n++) {
    none = Math.min(none, await timeOf(undefined)) // in turns: a busy machine is busy for both
    one = Math.min(one, await timeOf(stored))
  }
  expect(none / one).toBeGreaterThan(0.5)
  expect(none / one).toBeLessThan(2)
})

test.each([
  'password1234',
  'P@ssw0rd!2026',
  'passwordpassword',
  'Welcome2Roost!',
  'qwertyuiop123',
  '1qaz2wsx3edc4rfv',
  '123456789012',
  'aaaaaaaaaaaa',
  'abcabcabcabc',
  'zxcvbnm,asdfghjkl',
  '987654321098',
  'Summer2026!!',
  'correct horse battery staple',
  'letmeinletmein',
  'administrator1',
  'Olga Petrova 99',
])('"%s" is refused, since it is among the first that are tried', password => {
  expect(() => requireStrong(password, 'Olga Petrova')).toThrow(
    expect.objectContaining({ code: 'password_weak' }),
  )
})

test.each([
  'seven quiet herons under glass',
  'x4Km!summer91Qzt',
  'тихая цапля под стеклом',
  '四羽の静かな鷺が硝子の下にいる',
  '83920174659283746501',
  'kR8#vLq2!mZw',
])('"%s" is taken', password => {
  expect(() => requireStrong(password, 'Olga Petrova')).not.toThrow()
})

test('what is refused does not say the password', () => {
  expect(() => requireStrong('password1234', 'Olga')).toThrow(/^(?!.*password1234)/)
})
