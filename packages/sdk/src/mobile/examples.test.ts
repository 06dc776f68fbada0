/** The example apps as a bundler sees them; `npm run check` holds them to the published types of their libraries. */
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'

const example = (path: string) => fileURLToPath(new URL(`../../examples/${path}`, import.meta.url))

/** What apps have; of the bundle of React Native the rest is Roost and the example. */
const LIBRARIES = /^(react|react-native|react\/jsx-runtime|react-native-.*|@react-native.*)$/

async function bundle(
  entry: string,
  external: RegExp | undefined,
): Promise<{ code: string; imports: string[] }> {
  const { build } = await import('vite')
  const built = await build({
    configFile: false,
    logLevel: 'silent',
    root: example('.'),
    resolve: { conditions: ['source', 'module', 'browser', 'default'] },
    build: {
      write: false,
      target: 'es2022',
      rolldownOptions: {
        input: example(entry),
        ...(external !== undefined && { external }),
        output: { codeSplitting: false },
      },
    },
  })
  const [output] = Array.isArray(built) ? built : [built]
  if (output === undefined || !('output' in output)) throw new Error('nothing was built')
  const [{ code, imports }] = output.output
  return { code, imports }
}

test('the React Native example bundles, and brings nothing that Hermes lacks', async () => {
  const { code, imports } = await bundle('react-native/index.ts', LIBRARIES)
  expect(imports.length).toBeGreaterThan(5)
  for (const missing of [
    'AbortSignal.timeout',
    'navigator.',
    'indexedDB',
    'canParse',
    'structuredClone',
    'toSorted',
    'withResolvers',
  ])
    expect(code).not.toContain(missing)
  expect(gzipSync(code).length).toBeLessThan(16 * 1024)
})

test('the Capacitor example bundles with its plugins', async () => {
  const { code, imports } = await bundle('capacitor/main.ts', undefined)
  expect(imports).toEqual([])
  expect(code).toContain('PushNotifications')
})
