/** The console at / and the web SDK at /sdk/, as `npm run build` made them. */
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import fastifyStatic from '@fastify/static'
import type { FastifyInstance } from 'fastify'

/** Beside `src/` and `dist/`, so the same relative path serves both. */
const CONSOLE = fileURLToPath(new URL('../../../console/dist/bundle/', import.meta.url))
const SDK = fileURLToPath(new URL('../../../sdk/dist/bundle/', import.meta.url))

export async function staticRoutes(app: FastifyInstance): Promise<void> {
  if (existsSync(SDK)) {
    await app.register(fastifyStatic, {
      root: SDK,
      prefix: '/sdk/',
      setHeaders: reply => {
        // Sites import it from their own origin; it holds nothing that is anybody's.
        reply.setHeader('access-control-allow-origin', '*')
        reply.setHeader('cross-origin-resource-policy', 'cross-origin')
      },
    })
  }
  if (existsSync(CONSOLE)) {
    await app.register(fastifyStatic, {
      root: CONSOLE,
      prefix: '/',
      decorateReply: false,
      // The bundle has each file as .br and .gz beside it.
      preCompressed: true,
      cacheControl: false,
      setHeaders: (reply, path) => {
        // The names of these carry a hash of what they hold.
        const isForever = path.includes('/assets/')
        reply.setHeader('cache-control', isForever ? 'public, max-age=31536000, immutable' : 'no-cache')
        reply.setHeader('vary', 'accept-encoding')
      },
    })
  } else {
    app.get('/', async () => ({ roost: 'the console is not built: run "npm run build"' }))
  }
}
