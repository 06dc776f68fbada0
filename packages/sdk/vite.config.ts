/**
 * The files that a site serves: the page's module, what it loads for test devices alone, and the service worker as one classic script, because
 * not every browser that has push can run a module as a service worker.
 */
import { defineConfig, type UserConfig } from 'vite'

const BUNDLES = {
  page: { entry: 'src/web/index.ts', format: 'es', file: 'roost-web.js' },
  live: { entry: 'src/web/live.ts', format: 'es', file: 'roost-live.js' },
  inbox: { entry: 'src/web/inbox-widget.ts', format: 'es', file: 'roost-inbox.js' },
  testing: { entry: 'src/web/testing.ts', format: 'es', file: 'roost-testing.js' },
  'service-worker': { entry: 'src/web/service-worker.ts', format: 'iife', file: 'roost-service-worker.js' },
} as const

/** What the page's module loads when it is called for. */
const APART: Readonly<Record<string, { readonly file: string }>> = {
  './live.ts': BUNDLES.live,
  './testing.ts': BUNDLES.testing,
}

export default defineConfig(({ mode }): UserConfig => {
  const bundle = BUNDLES[mode as keyof typeof BUNDLES] ?? BUNDLES.page
  return {
    plugins: [
      {
        name: 'file-of-its-own',
        enforce: 'pre',
        resolveId: (source, importer) => {
          const bundle = importer?.endsWith('/web/roost.ts') ? APART[source] : undefined
          return bundle === undefined ? null : { id: `./${bundle.file}`, external: true }
        },
      },
    ],
    build: {
      lib: { entry: bundle.entry, formats: [bundle.format], name: 'roost', fileName: () => bundle.file },
      outDir: 'dist/bundle',
      emptyOutDir: false, // the other bundles are there
      target: 'es2022',
      // Of modules Vite keeps spaces and marks for another bundler; a page loads these files as they are.
      rolldownOptions: { output: { minify: true, comments: false } },
      sourcemap: true,
    },
  }
})
