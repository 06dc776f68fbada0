/**
 * How the console is bundled: static files in `dist/bundle`, which the server hosts under `/`.
 *
 * `base` is relative so that the same files also work behind a proxy that puts Roost under a path.
 */
import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

export default defineConfig({
  base: './',
  plugins: [react()],
  build: { outDir: 'dist/bundle', emptyOutDir: true, target: 'es2022', chunkSizeWarningLimit: 600 },
})
