/**
 * JSON with comments, as people write it by hand: `//` and block comments, and a comma after the last one. It knows the
 * line of each value, so that what is wrong can be found.
 *
 * The grammar of values is RFC 8259's; strings and numbers are read by `JSON.parse` itself.
 */
import { InputError } from '../control/fields.ts'

export interface Located {
  readonly value: unknown
  /** Of the value at a place such as `steps[2].do`, or of the nearest one around it. */
  lineOf(place: string): number
}

const STRING = /"(?:[^"\\\n]|\\.)*"/y
const LITERAL = /[-+.\w]+/y
const BLANK = /(?:\s|\/\/[^\n]*|\/\*[\s\S]*?\*\/)*/y

/** Throws InputError with the line. */
export function parseCommentedJson(text: string): Located {
  const reader = new JsonReader(text)
  const value = reader.readWhole()
  return { value, lineOf: place => nearest(reader.lines, place) }
}

function nearest(lines: ReadonlyMap<string, number>, place: string): number {
  for (let around = place; around !== ''; around = around.replace(/(?:^|\.)[^.]*$|\[\d+\]$/, '')) {
    const line = lines.get(around)
    if (line !== undefined) return line
  }
  return lines.get('') ?? 1
}

class JsonReader {
  readonly lines = new Map<string, number>()
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  readWhole(): unknown {
    const value = this.#value('')
    this.#skip()
    if (this.#at < this.#text.length) throw this.#fault('something follows the end')
    return value
  }

  #value(place: string): unknown {
    this.#skip()
    this.lines.set(place, this.#line())
    const first = this.#text[this.#at]
    if (first === '{') return this.#object(place)
    if (first === '[') return this.#list(place)
    return first === '"' ? this.#string() : this.#literal()
  }

  #object(place: string): Record<string, unknown> {
    const members: [string, unknown][] = []
    const names = new Set<string>()
    this.#sequence('}', () => {
      const name = this.#string()
      if (names.has(name)) throw this.#fault(`"${name}" is there twice`)
      names.add(name)
      this.#expect(':')
      members.push([name, this.#value(place === '' ? name : `${place}.${name}`)])
    })
    return Object.fromEntries(members)
  }

  #list(place: string): unknown[] {
    const items: unknown[] = []
    this.#sequence(']', () => items.push(this.#value(`${place}[${items.length}]`)))
    return items
  }

  #sequence(end: string, readOne: () => void): void {
    this.#at++
    for (this.#skip(); this.#text[this.#at] !== end; this.#skip()) {
      readOne()
      this.#skip()
      if (this.#text[this.#at] !== end) this.#expect(',')
    }
    this.#at++
  }

  #string(): string {
    const raw = this.#match(STRING)
    if (raw === undefined) throw this.#fault('a text in double quotes is expected')
    return this.#parse(raw) as string
  }

  #literal(): unknown {
    const raw = this.#match(LITERAL)
    if (raw === undefined) throw this.#fault('a value is expected')
    return this.#parse(raw)
  }

  #parse(raw: string): unknown {
    try {
      return JSON.parse(raw)
    } catch {
      throw this.#fault(`${raw.slice(0, 20)} is no JSON`)
    }
  }

  #expect(character: string): void {
    this.#skip()
    if (this.#text[this.#at] !== character) throw this.#fault(`a ${character} is expected`)
    this.#at++
  }

  #skip(): void {
    this.#match(BLANK)
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at
    const [found] = pattern.exec(this.#text) ?? []
    this.#at += found?.length ?? 0
    return found
  }

  #line(): number {
    return this.#text.slice(0, this.#at).split('\n').length
  }

  #fault(message: string): InputError {
    return new InputError(`line ${this.#line()}`, message, 'A scenario is JSON; comments are allowed.')
  }
}
