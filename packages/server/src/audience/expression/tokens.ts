/** The words of the expression language, each with the place where it stands. */
import { END, refuseAt } from './faults.ts'

export interface Token {
  readonly kind: 'name' | 'text' | 'number' | 'sign' | 'end'
  /** A name as it is written, text without its quotes, one character of a sign. */
  readonly value: string
  /** In characters, from 1. */
  readonly place: number
  /** Text in which a backslash stands. */
  readonly isEscaped: boolean
}

const SPACE = /\s*/y
const NAME = /[A-Za-z_][A-Za-z_0-9]*/y
const NUMBER = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/y
const TEXT = /"[^"\\]*(?:\\.[^"\\]*)*"|'[^'\\]*(?:\\.[^'\\]*)*'/sy
const SIGNS = '()[],*+\\'

/** Throws `condition_invalid` naming the place. */
export function readTokens(text: string): Token[] {
  const tokens: Token[] = []
  let at = matchAt(SPACE, text, 0)?.length ?? 0
  while (at < text.length) {
    const token = tokenAt(text, at)
    tokens.push(token.token)
    at += token.length
    at += matchAt(SPACE, text, at)?.length ?? 0
  }
  tokens.push({ kind: 'end', value: '', place: text.length + 1, isEscaped: false })
  return tokens
}

function matchAt(pattern: RegExp, text: string, at: number): string | undefined {
  pattern.lastIndex = at
  return pattern.exec(text)?.[0]
}

function tokenAt(text: string, at: number): { readonly token: Token; readonly length: number } {
  const place = at + 1
  const make = (kind: Token['kind'], written: string) => ({
    token: { kind, value: written, place, isEscaped: false },
    length: written.length,
  })
  const sign = text[at] as string
  if (SIGNS.includes(sign)) return make('sign', sign)
  const name = matchAt(NAME, text, at)
  if (name !== undefined) return make('name', name)
  const number = matchAt(NUMBER, text, at)
  if (number !== undefined) return make('number', number)
  const quoted = matchAt(TEXT, text, at)
  if (quoted === undefined) return refuseCharacter(sign, place)
  const value = quoted.slice(1, -1)
  const isEscaped = value.includes('\\')
  const plain = isEscaped ? value.replace(/\\(.)/gs, '$1') : value
  return { token: { kind: 'text', value: plain, place, isEscaped }, length: quoted.length }
}

function refuseCharacter(character: string, place: number): never {
  if (character === '"' || character === "'") refuseAt(place, 'expression_quote_open', {})
  return refuseAt(place, 'expression_character_unknown', { found: JSON.stringify(character) })
}

/** A token as faults have it. */
export function shown({ kind, value }: Token): string {
  if (kind === 'end') return END
  return kind === 'text' ? JSON.stringify(value) : `"${value}"`
}
