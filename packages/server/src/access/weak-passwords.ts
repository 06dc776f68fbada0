/**
 * Passwords that are guessed first. Twelve characters are asked for anyway, so what is left are words of the common lists made longer:
 * twice, with digits behind them, with letters written as digits, and rows of the keyboard.
 * Source: NIST SP 800-63B, 3.1.1.2: refuse what is commonly used, expected or compromised, and ask for no kinds of characters.
 */
import { PushError } from '@roost/protocol'

/** The stems of the most frequent passwords of published leaks, and what people take where they are asked for one of this product. */
const WORDS = [
  'password passwort passphrase passcode motdepasse contrasena senha parola wachtwoord',
  'administrator admin root superuser login welcome willkommen letmein changeme default guest test demo example secret',
  'iloveyou loveyou sunshine princess football baseball basketball superman batman dragon monkey master shadow michael',
  'jennifer jordan charlie ashley nicole daniel jessica hunter trustno starwars pokemon whatever freedom mustang',
  'computer internet samsung google facebook linkedin company business office server console dashboard',
  'roost push notification correcthorsebatterystaple',
  'january february march april june july august september october november december',
  'monday tuesday wednesday thursday friday saturday sunday spring summer autumn winter',
]
  .join(' ')
  .split(' ')
  .sort((a, b) => b.length - a.length)

const ROWS = [
  'abcdefghijklmnopqrstuvwxyz',
  '01234567890123456789',
  'qwertyuiop',
  'qwertzuiop',
  'azertyuiop',
  'asdfghjkl',
  'zxcvbnm',
  'yxcvbnm',
  '1qaz2wsx3edc4rfv5tgb6yhn7ujm',
]
const ROW_CHARACTERS_MIN = 4
const LETTERS: Readonly<Record<string, string>> = {
  '0': 'o',
  '1': 'i',
  '3': 'e',
  '4': 'a',
  '5': 's',
  '7': 't',
  '@': 'a',
  $: 's',
  '!': 'i',
}
const DIFFERENT_MIN = 5
/** What is left when words and rows are taken out must be worth guessing. */
const REST_CHARACTERS_MIN = 8
const REST_LETTERS_MIN = 4

/** Throws `password_weak`. */
export function requireStrong(password: string, name: string): void {
  const why = weaknessOf(plainOf(password), plainOf(name))
  if (why !== undefined) throw new PushError('password_weak', `the password ${why}`)
}

/** Capitals and blanks are tried as well. */
function plainOf(text: string): string {
  return text.normalize('NFKC').toLowerCase().replaceAll(/\s/gu, '')
}

function weaknessOf(password: string, name: string): string | undefined {
  if (new Set(password).size < DIFFERENT_MIN) return `has fewer than ${DIFFERENT_MIN} different characters`
  if (/^(.{1,6}?)\1+.{0,5}$/u.test(password)) return 'is a few characters again and again'
  const own = name.length >= ROW_CHARACTERS_MIN ? [name] : []
  const plain = withoutRows(without(password, [...own, ...WORDS]))
  const written = [...password].map(it => LETTERS[it] ?? it).join('')
  const read = withoutRows(without(written, [...own, ...WORDS]))
  if (isLittle(plain, password) || isLittle(read, written))
    return 'is made of words or rows of keys that are tried first'
  return undefined
}

function without(text: string, words: readonly string[]): string {
  return words.reduce((rest, word) => rest.replaceAll(word, ' '), text)
}

/** Takes out what runs along a row, forwards or backwards. */
function withoutRows(text: string): string {
  let rest = ''
  for (let at = 0; at < text.length; ) {
    const length = runAt(text, at)
    rest += length === 0 ? text[at] : ' '
    at += Math.max(1, length)
  }
  return rest
}

function runAt(text: string, at: number): number {
  const both = ROWS.flatMap(row => [row, [...row].reverse().join('')])
  let longest = 0
  for (const row of both)
    for (let length = ROW_CHARACTERS_MIN; at + length <= text.length; length++) {
      if (!row.includes(text.slice(at, at + length))) break
      longest = Math.max(longest, length)
    }
  return longest
}

function isLittle(rest: string, whole: string): boolean {
  if (rest === whole) return false
  const left = rest.replaceAll(' ', '')
  return left.length < REST_CHARACTERS_MIN && (left.match(/\p{L}/gu) ?? []).length < REST_LETTERS_MIN
}
