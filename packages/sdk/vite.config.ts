/**
 * The two files that a site serves: the page's module, and the service worker as one classic script, because
 * not every browser that has push can run a module as a service worker.
 */
import { defineConfig, type UserConfig } from 'vite'

const BUNDLES = {
  page: { entry: 'src/web/index.ts', format: 'es', file: 'roost-web.js' },
  worker: { entry: 'src/web/service-worker.ts', format: 'iife', file: 'roost-service-worker.js' },
} as const

export default defineConfig(({ mode }): UserConfig => {
  const bundle = mode === 'service-worker' ? BUNDLES.worker : BUNDLES.page
  return {
    build: {
      lib: { entry: bundle.entry, formats: [bundle.format], name: 'roost', fileName: () => bundle.file },
      outDir: 'dist/bundle',
      emptyOutDir: false, // the other bundle is there
      target: 'es2022',
      minify: true,
      sourcemap: true,
    },
  }
})
