/** The console as a test opens it: `const { page, go, faults } = await visit(demo.url, { language: 'ja' })`. */
import { onTestFinished } from 'vitest'
import { type ConsoleOptions, type OpenConsole, openConsole } from './console.ts'

/** In a browser of its own, which is closed when the test is over. `url` may carry a token, an invitation or a set-up code. */
export async function visit(url: string, options?: ConsoleOptions): Promise<OpenConsole> {
  const opened = await openConsole(url, options)
  onTestFinished(() => opened.close())
  return opened
}
