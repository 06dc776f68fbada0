/** Lists of ids that conditions name: brought along as a file, renamed, added to and deleted. */
import { ActionIcon, Button, Menu, Modal, Stack, Text, TextInput } from '@mantine/core'
import type { ListView } from '@roost/protocol'
import { type ReactElement, useState } from 'react'
import { path } from '../api/client.ts'
import { useChange } from '../api/use-api.ts'
import { useFormat, useTexts } from '../i18n/language.tsx'
import { Ago } from '../parts/ago.tsx'
import { Confirm } from '../parts/confirm.tsx'
import { type Column, DataTable } from '../parts/data-table.tsx'
import { TextLink } from '../parts/link.tsx'
import { Empty, Loaded, PageHead, Panel } from '../parts/page.tsx'
import { Problem } from '../parts/problem.tsx'
import { StateBadge } from '../parts/state-badge.tsx'
import { useFaults } from '../parts/use-faults.ts'
import { useLists } from '../segments/calls.ts'
import { ReadOnlyMark, useAppCode, useMay } from '../session/session.tsx'
import { UploadDialog } from './upload-dialog.tsx'

type Opened =
  | { readonly what: 'new' }
  | { readonly what: 'add' | 'rename' | 'delete'; readonly list: ListView }

export function ListsPage(): ReactElement {
  const t = useTexts('lists')
  const common = useTexts('common')
  const app = useAppCode()
  const mayManage = useMay('manage')
  const query = useLists(app)
  const [opened, setOpened] = useState<Opened>()
  const close = (): void => setOpened(undefined)
  const newButton = mayManage && (
    <Button size="sm" onClick={() => setOpened({ what: 'new' })}>
      {t('new')}
    </Button>
  )
  return (
    <>
      <PageHead
        title={t('title')}
        about={t('about')}
        back={
          <TextLink to="/apps/$app/segments" params={{ app }}>
            {common('back', { place: common('page.segments') })}
          </TextLink>
        }
      >
        <ReadOnlyMark right="manage" />
        {newButton}
      </PageHead>
      <Panel>
        <Loaded query={query} lines={6}>
          {lists =>
            lists.length === 0 ? (
              <Empty title={t('none.title')} action={newButton}>
                {t('none.body')}
              </Empty>
            ) : (
              <Lists lists={lists} onOpen={mayManage ? setOpened : undefined} />
            )
          }
        </Loaded>
      </Panel>
      {opened?.what === 'new' && <UploadDialog app={app} onClose={close} />}
      {opened?.what === 'add' && <UploadDialog app={app} list={opened.list} onClose={close} />}
      {opened?.what === 'rename' && <Rename app={app} list={opened.list} onClose={close} />}
      {opened?.what === 'delete' && <Deletion app={app} list={opened.list} onClose={close} />}
    </>
  )
}

interface ListsProps {
  readonly lists: readonly ListView[]
  /** Undefined for whoever may change nothing. */
  readonly onOpen: ((opened: Opened) => void) | undefined
}

function Lists({ lists, onOpen }: ListsProps): ReactElement {
  const t = useTexts('lists')
  const format = useFormat()
  const columns: readonly Column<ListView>[] = [
    {
      key: 'name',
      title: t('name'),
      width: 'minmax(0, 2fr)',
      cell: ({ name }) => (
        <Text span size="sm" fw={600}>
          {name}
        </Text>
      ),
    },
    { key: 'kind', title: t('kind'), width: '140px', cell: ({ kind }) => t(`kind.${kind}`) },
    {
      key: 'count',
      title: t('count'),
      isNumber: true,
      width: '110px',
      cell: ({ count }) => format.count(count),
    },
    {
      key: 'state',
      title: t('state'),
      width: '150px',
      cell: ({ state }) => (
        <StateBadge
          tone={state === 'ready' ? 'good' : 'warning'}
          label={t(`state.${state}`)}
          {...(state === 'loading' && { hint: t('state.loading.hint') })}
        />
      ),
    },
    { key: 'at', title: t('changed'), width: '130px', cell: ({ updatedAt }) => <Ago at={updatedAt} /> },
  ]
  const actions: Column<ListView> = {
    key: 'actions',
    title: '',
    width: '40px',
    cell: list => <Actions list={list} onOpen={onOpen ?? (() => {})} />,
  }
  return (
    <DataTable
      label={t('title')}
      columns={onOpen ? [...columns, actions] : columns}
      rows={lists}
      keyOf={({ id }) => id}
    />
  )
}

function Actions({
  list,
  onOpen,
}: {
  readonly list: ListView
  readonly onOpen: (opened: Opened) => void
}): ReactElement {
  const t = useTexts('lists')
  const common = useTexts('common')
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <ActionIcon variant="subtle" color="gray" aria-label={t('actions', { name: list.name })}>
          ⋯
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item onClick={() => onOpen({ what: 'add', list })}>{t('add')}</Menu.Item>
        <Menu.Item onClick={() => onOpen({ what: 'rename', list })}>{t('rename')}</Menu.Item>
        <Menu.Item color="red" onClick={() => onOpen({ what: 'delete', list })}>
          {common('delete')}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  )
}

interface OneProps {
  readonly app: string
  readonly list: ListView
  readonly onClose: () => void
}

function Rename({ app, list, onClose }: OneProps): ReactElement {
  const t = useTexts('lists')
  const common = useTexts('common')
  const [name, setName] = useState(list.name)
  const change = useChange<string>({
    call: (api, given) => api.patch(path`v1/apps/${app}/lists/${list.id}`, { name: given }),
    touches: [[app, 'lists']],
  })
  const faults = useFaults(change.error)
  return (
    <Modal
      opened
      onClose={onClose}
      title={t('rename.title', { name: list.name })}
      centered
      closeButtonProps={{ 'aria-label': common('close') }}
    >
      <form
        onSubmit={event => {
          event.preventDefault()
          change.mutate(name.trim(), { onSuccess: onClose })
        }}
      >
        <Stack gap="md">
          <TextInput
            label={t('name')}
            value={name}
            maxLength={200}
            error={faults.name ?? (name.trim() === '' && t('name.missing'))}
            onChange={event => setName(event.currentTarget.value)}
            data-autofocus
          />
          {change.error && faults.name === undefined && <Problem error={change.error} />}
          <Button
            type="submit"
            loading={change.isPending}
            disabled={name.trim() === ''}
            style={{ alignSelf: 'flex-end' }}
          >
            {common('save')}
          </Button>
        </Stack>
      </form>
    </Modal>
  )
}

function Deletion({ app, list, onClose }: OneProps): ReactElement {
  const t = useTexts('lists')
  const common = useTexts('common')
  const deletion = useChange({
    call: api => api.delete(path`v1/apps/${app}/lists/${list.id}`),
    touches: [[app, 'lists']],
  })
  return (
    <Confirm
      isOpen
      title={t('delete.title', { name: list.name })}
      verb={common('delete')}
      isDangerous
      isPending={deletion.isPending}
      error={deletion.error}
      onConfirm={() => deletion.mutate(undefined, { onSuccess: onClose })}
      onClose={onClose}
    >
      <Text size="sm">{t('delete.body', { count: list.count })}</Text>
    </Confirm>
  )
}
