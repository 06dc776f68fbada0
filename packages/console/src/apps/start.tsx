/** Goes on to the app that was open last, or to the only one; else shows them all, and without any asks for one. */
import { Navigate } from '@tanstack/react-router'
import type { ReactElement } from 'react'
import { Loaded } from '../parts/page.tsx'
import { lastApp } from '../shell/shell.tsx'
import { type App, useApps } from './calls.ts'
import { AppList } from './list.tsx'

export function StartPage(): ReactElement {
  const apps = useApps()
  return <Loaded query={apps}>{known => <Start apps={known} />}</Loaded>
}

function Start({ apps }: { readonly apps: readonly App[] }): ReactElement {
  const last = lastApp()
  const [only] = apps.length === 1 ? apps : []
  const code = (apps.find(app => app.code === last) ?? only)?.code
  if (code) return <Navigate to="/apps/$app" params={{ app: code }} replace />
  return <AppList apps={apps} />
}
