/**
 * The files that a site serves: the page's module, what it loads for test devices alone, and the service worker as one classic script, because
 * not every browser that has push can run a module as a service worker.
 */
import { defineConfig, type UserConfig } from 'vite'

const BUNDLES = {
  page: { entry: 'src/web/index.ts', format: 'es', file: 'roost-web.js' },
  testing: { entry: 'src/web/testing.ts', format: 'es', file: 'roost-testing.js' },
  'service-worker': { entry: 'src/web/service-worker.ts', format: 'iife', file: 'roost-service-worker.js' },
} as const

export default defineConfig(({ mode }): UserConfig => {
  const bundle = BUNDLES[mode as keyof typeof BUNDLES] ?? BUNDLES.page
  return {
    plugins: [
      {
        name: 'file-of-its-own',
        enforce: 'pre',
        resolveId: source =>
          source === './testing.ts' ? { id: `./${BUNDLES.testing.file}`, external: true } : null,
      },
    ],
    build: {
      lib: { entry: bundle.entry, formats: [bundle.format], name: 'roost', fileName: () => bundle.file },
      outDir: 'dist/bundle',
      emptyOutDir: false, // the other bundles are there
      target: 'es2022',
      minify: true,
      sourcemap: true,
    },
  }
})
