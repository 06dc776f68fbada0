/** What programs call with: tokens of the back end and of mobile and web apps. Each is shown once, and revoked alone. */
import { Badge, Button, Code, Group, Stack, Text } from '@mantine/core'
import type { ApiTokenView } from '@roost/protocol'
import { type ReactElement, useState } from 'react'
import { useApps } from '../apps/calls.ts'
import { useFormat, useTexts } from '../i18n/language.tsx'
import { Ago } from '../parts/ago.tsx'
import { Confirm } from '../parts/confirm.tsx'
import { type Column, DataTable } from '../parts/data-table.tsx'
import { Empty, Loaded, PageHead, Panel } from '../parts/page.tsx'
import { useMay, useSession } from '../session/session.tsx'
import { useRevoke, useTokens } from './calls.ts'
import { Closed } from './closed.tsx'
import { type Place, PlaceSwitch, usePlace } from './place.tsx'
import { isEverything, SCOPES } from './scopes.ts'
import { TokenForm } from './token-form.tsx'

export function TokensPage(): ReactElement {
  const common = useTexts('common')
  const place = usePlace('access')
  const maySee = useMay('access', place.app)
  if (maySee) return <TokensOf key={place.key} place={place} />
  return (
    <>
      <PageHead title={common('page.tokens')} />
      <Closed why="members" place={place} />
    </>
  )
}

function TokensOf({ place }: { readonly place: Place }): ReactElement {
  const t = useTexts('people')
  const common = useTexts('common')
  const tokens = useTokens(place)
  const [isMaking, setMaking] = useState(false)
  const make = !isMaking && (
    <Button size="sm" onClick={() => setMaking(true)}>
      {t('make.button')}
    </Button>
  )
  return (
    <>
      <PageHead
        title={common('page.tokens')}
        about={place.app === null ? t('tokens.about.all') : t('tokens.about.app', { app: place.name })}
      >
        <PlaceSwitch place={place} right="access" />
        {make}
      </PageHead>
      <Stack gap="md">
        {isMaking && <TokenForm place={place} onDone={() => setMaking(false)} />}
        <Panel>
          <Loaded query={tokens}>
            {found =>
              found.length === 0 ? (
                <Empty title={t('tokens.none.title')} action={make}>
                  {t('tokens.none.body')}
                </Empty>
              ) : (
                <Tokens place={place} tokens={found} />
              )
            }
          </Loaded>
        </Panel>
      </Stack>
    </>
  )
}

interface TokensProps {
  readonly place: Place
  readonly tokens: readonly ApiTokenView[]
}

function Tokens({ place, tokens }: TokensProps): ReactElement {
  const t = useTexts('people')
  const [asked, setAsked] = useState<ApiTokenView>()
  return (
    <>
      <DataTable
        label={t('tokens.list')}
        columns={useColumns(place, setAsked)}
        rows={tokens}
        keyOf={({ id }) => String(id)}
      />
      {asked && <Revocation place={place} token={asked} onDone={() => setAsked(undefined)} />}
    </>
  )
}

function useColumns(place: Place, ask: (token: ApiTokenView) => void): readonly Column<ApiTokenView>[] {
  const t = useTexts('people')
  const common = useTexts('common')
  const scopesOf = useScopeWords()
  const appOf: Column<ApiTokenView> = {
    key: 'app',
    title: t('tokens.app'),
    cell: ({ app }) => <AppName code={app} />,
  }
  return [
    {
      key: 'name',
      title: t('tokens.name'),
      width: 'minmax(0, 1.8fr)',
      cell: token => <TokenName token={token} />,
    },
    ...(place.app === null ? [appOf] : []),
    { key: 'scopes', title: t('tokens.scopes'), width: 'minmax(0, 1.2fr)', cell: scopesOf },
    { key: 'by', title: t('tokens.by'), cell: ({ madeBy }) => madeBy ?? '–' },
    {
      key: 'used',
      title: t('tokens.used'),
      isNumber: true,
      cell: ({ usedAt }) => (usedAt === null ? common('never') : <Ago at={usedAt} />),
    },
    {
      key: 'actions',
      title: t('tokens.actions'),
      isNumber: true,
      width: '110px',
      cell: token => (
        <Button
          size="compact-sm"
          variant="subtle"
          color="red"
          aria-label={t('tokens.revokeOf', { name: token.name })}
          onClick={() => ask(token)}
        >
          {t('tokens.revoke')}
        </Button>
      ),
    },
  ]
}

function TokenName({ token }: { readonly token: ApiTokenView }): ReactElement {
  const t = useTexts('people')
  return (
    <Stack gap={2}>
      <Group gap={8}>
        <Text size="sm" fw={600} style={{ overflowWrap: 'anywhere' }}>
          {token.name}
        </Text>
        <Badge size="sm" variant="light" color={token.kind === 'server' ? 'roost' : 'gray'} tt="none">
          {t(`tokens.kind.${token.kind}`)}
        </Badge>
      </Group>
      {token.prefix !== null && (
        <Text size="xs" c="dimmed" ff="monospace">
          {token.prefix}…
        </Text>
      )}
    </Stack>
  )
}

function AppName({ code }: { readonly code: string | null }): string {
  const t = useTexts('people')
  const apps = useApps().data ?? []
  if (code === null) return t('where.all')
  return apps.find(each => each.code === code)?.name ?? code
}

function useScopeWords(): (token: ApiTokenView) => string {
  const t = useTexts('people')
  const format = useFormat()
  return ({ kind, scopes }) => {
    if (kind === 'device') return t('tokens.devicesOnly')
    if (isEverything(scopes)) return t('tokens.everything')
    return format.list(SCOPES.filter(scope => scopes.includes(scope)).map(scope => t(`scope.${scope}`)))
  }
}

interface RevocationProps {
  readonly place: Place
  readonly token: ApiTokenView
  readonly onDone: () => void
}

/** Says what stops working before it does: the server can't give a revoked token back. */
function Revocation({ place, token, onDone }: RevocationProps): ReactElement {
  const t = useTexts('people')
  const { me } = useSession()
  const format = useFormat()
  const revoke = useRevoke(place)
  const { id, name, kind, usedAt } = token
  const prefix = token.prefix === null ? name : `${token.prefix}…`
  const words = useScopeWords()(token)
  return (
    <Confirm
      isOpen
      isDangerous
      title={t('revoke.title', { name })}
      verb={t('revoke.verb')}
      isPending={revoke.isPending}
      error={revoke.error}
      onConfirm={() => revoke.mutate(id, { onSuccess: onDone })}
      onClose={onDone}
    >
      <Text size="sm" component="div">
        {t.rich<ReactElement>(`revoke.${kind}`, {
          prefix: <Code key="prefix">{prefix}</Code>,
          ...(kind === 'server' && { scopes: words }),
        })}{' '}
        {usedAt === null ? t('revoke.unused') : t('revoke.used', { ago: format.ago(usedAt, Date.now()) })}
      </Text>
      {me.token?.id === id && (
        <Text size="sm" fw={600} mt="xs">
          {t('revoke.self')}
        </Text>
      )}
    </Confirm>
  )
}
