import { expect, test } from 'vitest'
import { defaultServerUrl, requireServerUrl } from './url.ts'

test.each([
  [{}, 'http://127.0.0.1:7460'],
  [{ ROOST_PORT: '7461' }, 'http://127.0.0.1:7461'],
  [{ ROOST_HOST: '0.0.0.0', ROOST_PORT: '80' }, 'http://127.0.0.1:80'],
  [{ ROOST_PORT: '0' }, 'http://127.0.0.1:7460'],
  [{ ROOST_HOST: '::' }, 'http://[::1]:7460'],
  [{ ROOST_HOST: 'fd00::1' }, 'http://[fd00::1]:7460'],
  [{ ROOST_HOST: 'push.internal', ROOST_PORT: '' }, 'http://push.internal:7460'],
])('a command looks for the server where one of the same environment listens: %j', (env, url) => {
  expect(defaultServerUrl(env)).toBe(url)
})

test('what is no address of a server is told with the option that said it', () => {
  for (const text of ['foo', '127.0.0.1:7460', 'ftp://127.0.0.1', ''])
    expect(() => requireServerUrl(text, '--reach')).toThrow(`--reach is "${text}"`)
  expect(requireServerUrl('https://push.example.com')).toBe('https://push.example.com')
})
