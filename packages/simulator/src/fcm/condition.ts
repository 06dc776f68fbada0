/**
 * Conditions over topics: terms `'name' in topics` joined by `&&`, `||` and parentheses, five topics at most.
 *
 *     either := both ('||' both)*      both := term ('&&' term)*      term := '(' either ')' | 'name' in topics
 *
 * Source: Firebase, "Send messages to topics".
 */
const MAX_TOPICS = 5
const TOKENS = /\s*(?:(\(|\)|&&|\|\|)|['"]([a-zA-Z0-9-_.~%]+)['"]\s+in\s+topics\b)/y

/** Whether an app that is subscribed to these topics is meant. */
export type Condition = (topics: ReadonlySet<string>) => boolean

type Token = '(' | ')' | '&&' | '||' | { readonly topic: string }

/** Undefined when the text is no condition, or names too many topics. */
export function parseCondition(source: string): Condition | undefined {
  const tokens = tokenize(source)
  if (tokens === undefined || tokens.filter(token => typeof token === 'object').length > MAX_TOPICS)
    return undefined
  const parser = new Parser(tokens)
  const condition = parser.either()
  return parser.isAtEnd ? condition : undefined
}

function tokenize(source: string): Token[] | undefined {
  const tokens: Token[] = []
  const end = source.trimEnd().length
  TOKENS.lastIndex = 0
  while (TOKENS.lastIndex < end) {
    const match = TOKENS.exec(source)
    if (match === null) return undefined
    const [, sign, topic] = match
    tokens.push(topic === undefined ? (sign as Exclude<Token, object>) : { topic })
  }
  return tokens
}

class Parser {
  readonly #tokens: readonly Token[]
  #at = 0

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens
  }

  get isAtEnd(): boolean {
    return this.#at === this.#tokens.length
  }

  either(): Condition | undefined {
    const parts = this.#joined('||', () => this.#both())
    return parts === undefined ? undefined : topics => parts.some(part => part(topics))
  }

  #both(): Condition | undefined {
    const parts = this.#joined('&&', () => this.#term())
    return parts === undefined ? undefined : topics => parts.every(part => part(topics))
  }

  #term(): Condition | undefined {
    const token = this.#tokens[this.#at++]
    if (typeof token === 'object') return topics => topics.has(token.topic)
    if (token !== '(') return undefined
    const inner = this.either()
    return this.#tokens[this.#at++] === ')' ? inner : undefined
  }

  #joined(sign: Token, next: () => Condition | undefined): Condition[] | undefined {
    const parts: Condition[] = []
    do {
      const part = next()
      if (part === undefined) return undefined
      parts.push(part)
    } while (this.#take(sign))
    return parts
  }

  #take(sign: Token): boolean {
    if (this.#tokens[this.#at] !== sign) return false
    this.#at++
    return true
  }
}
