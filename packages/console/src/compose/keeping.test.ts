import { describe, expect, test } from 'vitest'
import { Attempts, newKey } from './attempts.ts'
import { EMPTY_DRAFT } from './draft.ts'
import { forgetDraft, keepDraft, nameOfDraft, readDraft } from './draft-store.ts'

class Memory {
  readonly kept = new Map<string, string>()
  getItem = (name: string): string | null => this.kept.get(name) ?? null
  setItem = (name: string, value: string): void => void this.kept.set(name, value)
  removeItem = (name: string): void => void this.kept.delete(name)
}

const FULL = {
  getItem: (): string | null => {
    throw new Error('no storage')
  },
  setItem: (): void => {
    throw new Error('full')
  },
  removeItem: (): void => {
    throw new Error('no storage')
  },
}

const NAME = nameOfDraft({ app: 'AAAAA-BBBBB', who: 'person 1' })
const NOW = Date.parse('2027-03-01T08:00:00Z')

describe('a draft', () => {
  const draft = { ...EMPTY_DRAFT, when: { ...EMPTY_DRAFT.when, kind: 'local' as const, name: 'x' } }

  test('is there again as it was, until it is forgotten', () => {
    const store = new Memory()
    expect(keepDraft(store, NAME, { draft, savedAt: '2027-02-28T08:00:00Z' })).toBe(true)
    expect(readDraft(store, NAME, NOW)).toEqual({ draft, savedAt: '2027-02-28T08:00:00Z' })
    forgetDraft(store, NAME)
    expect(readDraft(store, NAME, NOW)).toBeUndefined()
  })

  test('of a message that is changed knows from what it goes out', () => {
    const store = new Memory()
    keepDraft(store, NAME, { draft, savedAt: '2027-02-28T08:00:00Z', base: '"tag"' })
    expect(readDraft(store, NAME, NOW)?.base).toBe('"tag"')
  })

  test('of another app, person or copied message is another one', () => {
    const names = [
      NAME,
      nameOfDraft({ app: 'AAAAA-CCCCC', who: 'person 1' }),
      nameOfDraft({ app: 'AAAAA-BBBBB', who: 'person 2' }),
      nameOfDraft({ app: 'AAAAA-BBBBB', who: 'person 1', from: 'm' }),
    ]
    expect(new Set(names).size).toBe(4)
  })

  test('that an older console has kept has what has come since, and nothing of another type', () => {
    const store = new Memory()
    const old = { draft: { content: { badge: 7, words: { title: 'T' } } }, savedAt: '2027-02-28T08:00:00Z' }
    store.setItem(NAME, JSON.stringify(old))
    const { words } = EMPTY_DRAFT.content
    expect(readDraft(store, NAME, NOW)?.draft).toEqual({
      ...EMPTY_DRAFT,
      content: { ...EMPTY_DRAFT.content, words: { ...words, title: 'T' } },
    })
  })

  test('that is a month old, or no draft at all, is not brought back', () => {
    const store = new Memory()
    keepDraft(store, NAME, { draft, savedAt: '2027-01-01T08:00:00Z' })
    expect(readDraft(store, NAME, NOW)).toBeUndefined()
    store.setItem(NAME, '{nonsense')
    expect(readDraft(store, NAME, NOW)).toBeUndefined()
  })

  test('that the browser can’t keep is said to be not kept', () => {
    expect(keepDraft(FULL, NAME, { draft, savedAt: '2027-02-28T08:00:00Z' })).toBe(false)
    expect(readDraft(FULL, NAME, NOW)).toBeUndefined()
  })
})

describe('the key of what is sent', () => {
  test('is the same for every try of a draft, also after a reload', () => {
    const store = new Memory()
    const attempts = new Attempts(store, NAME)
    const key = attempts.key()
    expect(attempts.key()).toBe(key)
    expect(new Attempts(store, NAME).key()).toBe(key)
    expect(new Attempts(store, 'another').key()).not.toBe(key)
  })

  test('is another one once a message was made of it', () => {
    const store = new Memory()
    const attempts = new Attempts(store, NAME)
    const key = attempts.key()
    attempts.end()
    expect(attempts.key()).not.toBe(key)
  })

  test('stays while the page is open where the browser keeps nothing', () => {
    const attempts = new Attempts(FULL, NAME)
    expect(attempts.key()).toBe(attempts.key())
  })

  test('has 128 bits', () => {
    expect(newKey()).toMatch(/^[0-9a-f]{32}$/)
    expect(newKey(bytes => bytes.fill(5))).toBe('05'.repeat(16))
  })
})
