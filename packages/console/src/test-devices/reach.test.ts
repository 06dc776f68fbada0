import { expect, test } from 'vitest'
import { isOwnMachine } from './reach.ts'

test.each(['http://localhost:7460/', 'http://127.0.0.1', 'https://[::1]:8080', 'http://app.localhost'])(
  '%s leads a phone to itself',
  url => {
    expect(isOwnMachine(url)).toBe(true)
  },
)

test.each(['https://push.example.com', 'http://192.168.1.7:7460', 'http://10.0.0.127', 'nonsense'])(
  '%s does not',
  url => {
    expect(isOwnMachine(url)).toBe(false)
  },
)
