/**
 * The frame of every page: the app and its pages at the side (behind a button on a narrow screen), search, language,
 * colours and the way out on top, and the line that tells of a lost connection.
 */
import { ActionIcon, Kbd, Text, Tooltip, UnstyledButton } from '@mantine/core'
import { useDisclosure, useHotkeys } from '@mantine/hooks'
import { Link, Outlet, useNavigate } from '@tanstack/react-router'
import { type ReactElement, Suspense, useEffect, useState } from 'react'
import { useIsKnown } from '../apps/calls.ts'
import { AppPicker } from '../apps/picker.tsx'
import { useTexts } from '../i18n/language.tsx'
import { fetchLater, MenuDrawer, Palette } from '../later.ts'
import { LiveProvider } from '../live/live.tsx'
import { Waiting } from '../parts/page.tsx'
import logo from '../roost.svg'
import { useOpenApp, useSession } from '../session/session.tsx'
import { ConnectionLine } from './connection-line.tsx'
import { Icon } from './icons.tsx'
import { NAVIGATION, useMayOpen } from './navigation.ts'
import css from './shell.module.css'
import { LanguagePicker, SchemeSwitch } from './switches.tsx'

const LAST_APP_KEY = 'roost.lastApp'

/** The app that was open last in this browser. */
export function lastApp(): string | null {
  return localStorage.getItem(LAST_APP_KEY)
}

export function Shell(): ReactElement {
  const t = useTexts('common')
  const asked = useOpenApp()
  // of an app that there is not there is nothing to choose from
  const app = useIsKnown(asked) === false ? undefined : asked
  const [isMenuOpen, menu] = useDisclosure()
  const [isSearching, search] = useDisclosure()
  const hasSearched = useHasBeen(isSearching)
  const hasOpenedMenu = useHasBeen(isMenuOpen)
  useHotkeys([['mod+K', search.toggle]], [])
  useEffect(() => void fetchLater(), [])
  useEffect(() => {
    if (app) localStorage.setItem(LAST_APP_KEY, app)
  }, [app])
  return (
    <div className={css.frame} data-no-app={app ? undefined : true}>
      <SkipLink />
      <header className={css.top}>
        {app && (
          <ActionIcon
            variant="subtle"
            color="gray"
            size="lg"
            className={css.menuButton}
            aria-label={t('nav.open')}
            onClick={menu.open}
          >
            <Icon name="menu" />
          </ActionIcon>
        )}
        <Link to="/" className={css.brand}>
          <img src={logo} alt="" width={24} height={24} />
          <span>Roost</span>
        </Link>
        <UnstyledButton className={css.search} onClick={search.open}>
          <Icon name="search" />
          <span>{t('palette.open')}</span>
          <Kbd size="xs" aria-hidden>
            {isMac() ? '⌘' : 'Ctrl'} K
          </Kbd>
        </UnstyledButton>
        <div className={css.tools}>
          <AccountLink />
          <LanguagePicker />
          <SchemeSwitch />
          <LeaveButton />
        </div>
      </header>
      {app && (
        <aside className={css.side}>
          <AppPicker app={app} />
          <Places app={app} onGo={menu.close} />
        </aside>
      )}
      {app && hasOpenedMenu && (
        <Suspense fallback={null}>
          <MenuDrawer isOpen={isMenuOpen} onClose={menu.close}>
            <AppPicker app={app} onGo={menu.close} />
            <Places app={app} onGo={menu.close} />
            <Link to="/account" className={css.place} onClick={menu.close}>
              {t('page.account')}
            </Link>
          </MenuDrawer>
        </Suspense>
      )}
      <div className={css.content}>
        <ConnectionLine />
        <main id="content" tabIndex={-1} className={css.main}>
          <Suspense fallback={<Waiting lines={6} />}>
            {app ? (
              <LiveProvider app={app}>
                <Outlet />
              </LiveProvider>
            ) : (
              <Outlet />
            )}
          </Suspense>
        </main>
      </div>
      {hasSearched && (
        <Suspense fallback={null}>
          <Palette isOpen={isSearching} onClose={search.close} />
        </Suspense>
      )}
    </div>
  )
}

/** Stays true, so that what was opened once can close with its own transition. */
function useHasBeen(isOpen: boolean): boolean {
  const [hasBeen, setHasBeen] = useState(isOpen)
  if (isOpen && !hasBeen) setHasBeen(true)
  return hasBeen
}

function isMac(): boolean {
  return /mac|iphone|ipad/i.test(navigator.userAgent)
}

/** A button, since the fragment of the address is where the pages are. */
function SkipLink(): ReactElement {
  const t = useTexts('common')
  return (
    <button type="button" className={css.skip} onClick={() => document.getElementById('content')?.focus()}>
      {t('skip')}
    </button>
  )
}

function Places({ app, onGo }: { readonly app: string; readonly onGo: () => void }): ReactElement {
  const t = useTexts('common')
  const mayOpen = useMayOpen()
  return (
    <nav aria-label={t('nav.label')} className={css.places}>
      {NAVIGATION.filter(({ places }) => places.length > 0).map(({ label, places }) => (
        <section key={label} aria-label={t(label)}>
          <Text size="xs" fw={600} c="dimmed" className={css.group} aria-hidden>
            {t(label)}
          </Text>
          {places
            .filter(({ to }) => mayOpen(to))
            .map(place => (
              <Link
                key={place.to}
                to={place.to}
                params={{ app }}
                className={css.place}
                activeOptions={{ exact: place.to === '/apps/$app', includeSearch: false }}
                onClick={onGo}
              >
                {t(place.label)}
              </Link>
            ))}
        </section>
      ))}
    </nav>
  )
}

function AccountLink(): ReactElement {
  const t = useTexts('common')
  const { me } = useSession()
  return (
    <Tooltip label={t('page.account')}>
      <Link to="/account" className={css.account}>
        {me.person?.name ?? t('account.token')}
      </Link>
    </Tooltip>
  )
}

function LeaveButton(): ReactElement {
  const t = useTexts('common')
  const navigate = useNavigate()
  const { hasToken, leave } = useSession()
  const [isLeaving, setLeaving] = useState(false)
  const label = hasToken ? t('leave.token') : t('leave')
  return (
    <Tooltip label={label}>
      <ActionIcon
        variant="subtle"
        color="gray"
        size="lg"
        aria-label={label}
        loading={isLeaving}
        onClick={() => {
          setLeaving(true)
          void navigate({ to: '/' }).then(leave)
        }}
      >
        <Icon name="leave" />
      </ActionIcon>
    </Tooltip>
  )
}
