/** Starts the console in the browser: the only file that touches the window's stores before anything is drawn. */
import '@mantine/core/styles.layer.css'
import './theme.css'
import { MantineProvider } from '@mantine/core'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { type Codes, Console } from './console.tsx'
import { initialLocale, LanguageProvider } from './i18n/language.tsx'
import { loadTexts } from './i18n/text-store.ts'
import { router } from './routes.tsx'
import { Access, takeInvitation, takeSetupCode, takeToken } from './session/token.ts'
import { theme } from './theme.ts'

const access = new Access(sessionStorage)

/** Takes the token out of the address bar. Pasting such an address into an open console only changes the fragment. */
function enterFromFragment(): void {
  const taken = takeToken(location.hash)
  if (!taken) return
  history.replaceState(null, '', taken.place)
  access.enter(taken.token)
}

/** Whoever has a code of an invitation or of the set-up may use it: it stays out of the address bar and the history. */
function takeCodes(): Codes {
  const codes = { invitation: takeInvitation(location.hash), setupCode: takeSetupCode(location.hash) }
  if (codes.invitation !== undefined || codes.setupCode !== undefined) history.replaceState(null, '', '#/')
  return codes
}

/** The page and its texts come while the server is asked who this is; who opens no page gets to a dashboard. */
function loadPages(): void {
  void router.load()
  if (router.latestLocation.pathname === '/')
    void router.preloadRoute({ to: '/apps/$app', params: { app: '-' } })
}

async function start(): Promise<void> {
  const root = document.getElementById('root')
  if (!root) throw new Error('index.html has no element with the id "root"')
  enterFromFragment()
  addEventListener('hashchange', enterFromFragment)
  const codes = takeCodes()
  addEventListener('hashchange', () => {
    // a link that is opened where the console is open already
    const isLink = takeInvitation(location.hash) ?? takeSetupCode(location.hash)
    if (isLink !== undefined) location.reload()
  })
  loadPages()
  const locale = initialLocale()
  await loadTexts(locale, 'common')
  createRoot(root).render(
    <StrictMode>
      <MantineProvider theme={theme} defaultColorScheme="auto">
        <LanguageProvider initial={locale}>
          <Console access={access} codes={codes} />
        </LanguageProvider>
      </MantineProvider>
    </StrictMode>,
  )
}

await start()
