/** Which token a command calls a server with. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { StartError } from '../../store/folder.ts'
import { requireServerToken } from './token.ts'

const folder = mkdtempSync(join(tmpdir(), 'roost-test-'))
afterAll(() => rmSync(folder, { recursive: true }))
writeFileSync(join(folder, 'server-token'), 'kept\n')
const HERE = 'http://127.0.0.1:7460'
const known = { ROOST_DATA_DIR: folder }

test('what is said counts first, then the environment, then what the data folder keeps', () => {
  const both = { ...known, ROOST_BOOTSTRAP_TOKEN: 'environment' }
  expect(requireServerToken(HERE, 'said', both)).toBe('said')
  expect(requireServerToken(HERE, undefined, both)).toBe('environment')
  expect(requireServerToken(HERE, undefined, known)).toBe('kept')
})

test.each(['http://localhost:7460', 'http://[::1]:7460', 'http://127.0.1.1:80'])(
  'the kept one is for this machine: %s',
  url => {
    expect(requireServerToken(url, undefined, known)).toBe('kept')
  },
)

test.each(['https://push.example.com', 'http://10.0.0.1:7460', 'http://127.0.0.1.example.com'])(
  'the kept one goes to nobody else: %s',
  url => {
    expect(() => requireServerToken(url, undefined, known)).toThrow(StartError)
  },
)

test('without any it is said where to find one', () => {
  expect(() => requireServerToken(HERE, undefined, { ROOST_DATA_DIR: join(folder, 'none') })).toThrow(
    'there is no server token',
  )
})
