/** The frame of every page: whose app it is, where one is, light or dark, and the way out. */
import {
  ActionIcon,
  Container,
  Group,
  Select,
  Text,
  Tooltip,
  useComputedColorScheme,
  useMantineColorScheme,
} from '@mantine/core'
import type { ReactElement, ReactNode } from 'react'
import type { App } from './api/shapes.ts'
import logo from './roost.svg'
import { formatRoute, type Route } from './route.ts'
import css from './shell.module.css'

export interface ShellProps {
  readonly apps: readonly App[]
  readonly app: string | undefined
  readonly page: Route['page']
  readonly onLeave: () => void
  readonly children: ReactNode
}

export function Shell({ apps, app, page, onLeave, children }: ShellProps): ReactElement {
  return (
    <>
      <header className={css.header}>
        <Container size="xl" className={css.row}>
          <a href={app ? formatRoute({ page: 'overview', app }) : '#/'} className={css.brand}>
            <img src={logo} alt="" width={26} height={26} />
            <Text fw={700} span visibleFrom="xs">
              Roost
            </Text>
          </a>
          {app && <AppPicker apps={apps} app={app} />}
          {app && <Places app={app} page={page} />}
          <Group gap={6} ml="auto" wrap="nowrap">
            <SchemeSwitch />
            <Tooltip label="Leave: forget the token">
              <ActionIcon variant="subtle" color="gray" size="lg" onClick={onLeave} aria-label="Leave">
                <LeaveIcon />
              </ActionIcon>
            </Tooltip>
          </Group>
        </Container>
      </header>
      <Container size="xl" component="main" py="lg">
        {children}
      </Container>
    </>
  )
}

function AppPicker({ apps, app }: { readonly apps: readonly App[]; readonly app: string }): ReactElement {
  const known = apps.map(each => ({ value: each.code, label: each.name }))
  return (
    <Select
      aria-label="App"
      data={known}
      value={app}
      searchable={apps.length > 8}
      allowDeselect={false}
      w={190}
      placeholder={app}
      onChange={code => {
        if (code) location.hash = formatRoute({ page: 'overview', app: code })
      }}
      renderOption={({ option }) => (
        <div>
          <Text size="sm">{option.label}</Text>
          <Text size="xs" c="dimmed" ff="monospace">
            {option.value}
          </Text>
        </div>
      )}
    />
  )
}

function Places({ app, page }: { readonly app: string; readonly page: Route['page'] }): ReactElement {
  const places = [
    { label: 'Overview', href: formatRoute({ page: 'overview', app }), pages: ['overview'] },
    { label: 'Messages', href: formatRoute({ page: 'messages', app }), pages: ['messages', 'message'] },
    {
      label: 'Devices',
      href: formatRoute({ page: 'devices', app, search: '' }),
      pages: ['devices', 'device'],
    },
    { label: 'Credentials', href: formatRoute({ page: 'credentials', app }), pages: ['credentials'] },
    {
      label: 'Test push',
      href: formatRoute({ page: 'push-test', app, credential: '', hwid: '' }),
      pages: ['push-test'],
    },
  ]
  return (
    <nav className={css.places} aria-label="Pages">
      {places.map(({ label, href, pages }) => (
        <a
          key={label}
          href={href}
          className={css.place}
          aria-current={pages.includes(page) ? 'page' : undefined}
        >
          {label}
        </a>
      ))}
    </nav>
  )
}

function SchemeSwitch(): ReactElement {
  const { setColorScheme } = useMantineColorScheme()
  const isDark = useComputedColorScheme('light', { getInitialValueInEffect: false }) === 'dark'
  const label = isDark ? 'Use light colours' : 'Use dark colours'
  return (
    <Tooltip label={label}>
      <ActionIcon
        variant="subtle"
        color="gray"
        size="lg"
        aria-label={label}
        onClick={() => setColorScheme(isDark ? 'light' : 'dark')}
      >
        {isDark ? <SunIcon /> : <MoonIcon />}
      </ActionIcon>
    </Tooltip>
  )
}

function Icon({ children }: { readonly children: ReactNode }): ReactElement {
  return (
    <svg
      width="18"
      height="18"
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      strokeWidth="2"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
    >
      {children}
    </svg>
  )
}

function SunIcon(): ReactElement {
  return (
    <Icon>
      <circle cx="12" cy="12" r="4" />
      <path d="M12 3v1M12 20v1M3 12h1M20 12h1M5.6 5.6l.7.7M17.7 17.7l.7.7M5.6 18.4l.7-.7M17.7 6.3l.7-.7" />
    </Icon>
  )
}

function MoonIcon(): ReactElement {
  return (
    <Icon>
      <path d="M20 14.5A8 8 0 1 1 9.5 4a6.5 6.5 0 0 0 10.5 10.5z" />
    </Icon>
  )
}

function LeaveIcon(): ReactElement {
  return (
    <Icon>
      <path d="M14 8V6a2 2 0 0 0-2-2H6a2 2 0 0 0-2 2v12a2 2 0 0 0 2 2h6a2 2 0 0 0 2-2v-2" />
      <path d="M9 12h12M18 9l3 3-3 3" />
    </Icon>
  )
}
