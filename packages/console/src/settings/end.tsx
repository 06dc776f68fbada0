/** The end of an app: archiving it, taking it back, and deleting it for good by its name. For owners. */
import { Button, Group, Stack, Text, TextInput } from '@mantine/core'
import { useNavigate } from '@tanstack/react-router'
import { type ReactElement, useState } from 'react'
import { useFormat, useTexts } from '../i18n/language.tsx'
import { Confirm } from '../parts/confirm.tsx'
import { Panel } from '../parts/page.tsx'
import { Problem } from '../parts/problem.tsx'
import { useMay } from '../session/session.tsx'
import { type AppSettings, useArchive, useDeleteApp } from './calls.ts'

interface EndProps {
  readonly settings: AppSettings
}

export function EndPanel({ settings }: EndProps): ReactElement | null {
  const t = useTexts('settings')
  if (!useMay('access')) return null
  return (
    <Panel title={t('end')}>
      {settings.archivedAt === null ? (
        <Archiving settings={settings} />
      ) : (
        <Archived settings={settings} archivedAt={settings.archivedAt} />
      )}
    </Panel>
  )
}

function Archiving({ settings: { code, name } }: EndProps): ReactElement {
  const t = useTexts('settings')
  const [isAsked, setAsked] = useState(false)
  const archive = useArchive(code)
  return (
    <Stack gap="sm" maw={560} align="flex-start">
      <Text size="sm">{t('end.about')}</Text>
      <Button variant="default" onClick={() => setAsked(true)}>
        {t('archive')}
      </Button>
      <Confirm
        isOpen={isAsked}
        isDangerous
        title={t('archive.title', { app: name })}
        verb={t('archive')}
        isPending={archive.isPending}
        error={archive.error}
        onConfirm={() => archive.mutate('archive', { onSuccess: () => setAsked(false) })}
        onClose={() => setAsked(false)}
      >
        <Text size="sm">{t('archive.body')}</Text>
      </Confirm>
    </Stack>
  )
}

function Archived({ settings, archivedAt }: EndProps & { readonly archivedAt: string }): ReactElement {
  const t = useTexts('settings')
  const format = useFormat()
  const [isAsked, setAsked] = useState(false)
  const archive = useArchive(settings.code)
  return (
    <Stack gap="sm" maw={560} align="flex-start">
      <Text size="sm">{t('archived.since', { day: format.day(archivedAt) })}</Text>
      {archive.error && <Problem error={archive.error} title={t('unarchive.failed')} />}
      <Group gap="xs">
        <Button variant="default" loading={archive.isPending} onClick={() => archive.mutate('unarchive')}>
          {t('unarchive')}
        </Button>
        <Button variant="subtle" color="red" onClick={() => setAsked(true)}>
          {t('delete')}
        </Button>
      </Group>
      {isAsked && <Deletion settings={settings} onClose={() => setAsked(false)} />}
    </Stack>
  )
}

function Deletion({
  settings: { code, name },
  onClose,
}: EndProps & { readonly onClose: () => void }): ReactElement {
  const t = useTexts('settings')
  const navigate = useNavigate()
  const [typed, setTyped] = useState('')
  const remove = useDeleteApp(code)
  // This panel goes with its app, which may be before we leave: callbacks of `mutate` would go with it.
  const confirm = (): void =>
    void remove.mutateAsync(typed.trim()).then(
      () => navigate({ to: '/apps', replace: true }),
      () => undefined, // the dialog tells it
    )
  return (
    <Confirm
      isOpen
      isDangerous
      isReady={typed.trim() === name}
      title={t('delete.title', { app: name })}
      verb={t('delete.verb')}
      isPending={remove.isPending}
      error={remove.error}
      onConfirm={confirm}
      onClose={onClose}
    >
      <Stack gap="sm">
        <Text size="sm">{t('delete.body')}</Text>
        <TextInput
          label={t('delete.name', { app: name })}
          autoComplete="off"
          spellCheck={false}
          value={typed}
          onChange={event => setTyped(event.currentTarget.value)}
        />
      </Stack>
    </Confirm>
  )
}
