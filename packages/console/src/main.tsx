/** Starts the console in the browser: the only file that touches the window's stores before anything is drawn. */
import './mantine.css'
import './theme.css'
import { MantineProvider } from '@mantine/core'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { Access, takeToken } from './access/access.ts'
import { Console } from './console.tsx'
import { theme } from './theme.ts'

const access = new Access(sessionStorage)

/** Takes the token out of the address bar. Pasting such an address into an open console only changes the fragment. */
function enterFromFragment(): void {
  const taken = takeToken(location.hash)
  if (!taken) return
  history.replaceState(null, '', taken.place)
  access.enter(taken.token)
}

enterFromFragment()
addEventListener('hashchange', enterFromFragment)

const root = document.getElementById('root')
if (!root) throw new Error('index.html has no element with the id "root"')
createRoot(root).render(
  <StrictMode>
    <MantineProvider theme={theme} defaultColorScheme="auto">
      <Console access={access} />
    </MantineProvider>
  </StrictMode>,
)
