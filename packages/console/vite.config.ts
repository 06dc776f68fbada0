/**
 * How the console is bundled: static files in `dist/bundle`, which the server hosts under `/`.
 *
 * `base` is relative so that the same files also work behind a proxy that puts Roost under a path.
 */
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { brotliCompress, gzip } from 'node:zlib'
import react from '@vitejs/plugin-react'
import { defineConfig, type Plugin } from 'vite'

// React brings two builds along, and a test that bundles (NODE_ENV=test) would get the one for developers: 70 KB more to load.
process.env.NODE_ENV = 'production'

const OUT = 'dist/bundle'
/** Smaller files don't get smaller by it. */
const COMPRESSED_FROM_BYTES = 1_000

export default defineConfig({
  base: './',
  plugins: [react(), compressed()],
  build: { outDir: OUT, emptyOutDir: true, target: 'es2022', chunkSizeWarningLimit: 800 },
})

/** Compresses once, at the best level, what the server then sends as it is. */
function compressed(): Plugin {
  return {
    name: 'compressed',
    apply: 'build',
    closeBundle: async () => {
      const names = await readdir(OUT, { recursive: true })
      await Promise.all(names.filter(name => /\.(js|css|html|svg)$/.test(name)).map(compress))
    },
  }
}

async function compress(name: string): Promise<void> {
  const file = join(OUT, name)
  const bytes = await readFile(file)
  if (bytes.length < COMPRESSED_FROM_BYTES) return
  await writeFile(`${file}.gz`, await promisify(gzip)(bytes, { level: 9 }))
  await writeFile(`${file}.br`, await promisify(brotliCompress)(bytes))
}
