/** Test devices: those that people try messages on. A phone becomes one by a code, and each step of it is seen as it comes. */
import { Button, Group, Modal, Stack, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import { type ReactElement, useState } from 'react'
import { TestPush } from '../devices/test-push.tsx'
import { useTexts } from '../i18n/language.tsx'
import { Ago } from '../parts/ago.tsx'
import { Confirm } from '../parts/confirm.tsx'
import { type Column, DataTable } from '../parts/data-table.tsx'
import { TextLink } from '../parts/link.tsx'
import { Empty, Loaded, PageHead, Panel } from '../parts/page.tsx'
import { Problem } from '../parts/problem.tsx'
import { ReadOnlyMark, useAppCode, useMay } from '../session/session.tsx'
import { type TestDevice, useNameTestDevice, useRemoveTestDevice, useTestDevices } from './calls.ts'
import { SelfCheckButton } from './findings.tsx'
import { Invitation } from './invitation.tsx'

export function TestDevicesPage(): ReactElement {
  const t = useTexts('testDevices')
  const app = useAppCode()
  const query = useTestDevices(app)
  const may = useMay('devices')
  const [isInviting, setInviting] = useState(false)
  const connect = may && !isInviting && <Button onClick={() => setInviting(true)}>{t('connect')}</Button>
  return (
    <>
      <PageHead title={t('title')} about={t('about')}>
        <ReadOnlyMark right="devices" />
        {query.data && query.data.length > 0 && connect}
      </PageHead>
      <Stack gap="md">
        {isInviting && <Invitation app={app} onClose={() => setInviting(false)} />}
        <Panel>
          <Loaded query={query}>
            {devices =>
              devices.length === 0 ? (
                <Empty title={t('none.title')} action={connect}>
                  {t('none.body')}
                </Empty>
              ) : (
                <TestDevices app={app} devices={devices} />
              )
            }
          </Loaded>
        </Panel>
      </Stack>
    </>
  )
}

interface Asked {
  readonly what: 'test' | 'rename' | 'remove'
  readonly device: TestDevice
}

function TestDevices({
  app,
  devices,
}: {
  readonly app: string
  readonly devices: readonly TestDevice[]
}): ReactElement {
  const t = useTexts('testDevices')
  const [asked, setAsked] = useState<Asked>()
  const close = (): void => setAsked(undefined)
  const columns = useColumns(app, setAsked)
  return (
    <>
      <DataTable label={t('title')} columns={columns} rows={devices} keyOf={({ hwid }) => hwid} />
      {asked?.what === 'test' && (
        <TestPush app={app} hwid={asked.device.hwid} name={asked.device.name} onClose={close} />
      )}
      {asked?.what === 'rename' && <Rename app={app} device={asked.device} onClose={close} />}
      {asked?.what === 'remove' && <Remove app={app} device={asked.device} onClose={close} />}
    </>
  )
}

function useColumns(app: string, ask: (asked: Asked) => void): readonly Column<TestDevice>[] {
  const t = useTexts('testDevices')
  const selfCheckTexts = useTexts('selfCheck')
  const may = useMay('devices')
  const maySend = useMay('send')
  return [
    {
      key: 'name',
      title: t('name'),
      cell: ({ hwid, name, description }) => (
        <>
          <TextLink to="/apps/$app/devices/$hwid" params={{ app, hwid }} size="sm" fw={600}>
            {name}
          </TextLink>
          {description && <div>{description}</div>}
        </>
      ),
    },
    { key: 'since', title: t('since'), width: '140px', cell: ({ createdAt }) => <Ago at={createdAt} /> },
    {
      key: 'selfCheck',
      title: selfCheckTexts('title'),
      width: '150px',
      cell: ({ name, selfCheck }) => <SelfCheckButton name={name} selfCheck={selfCheck} />,
    },
    {
      key: 'actions',
      title: t('actions'),
      isNumber: true,
      width: 'minmax(280px, auto)',
      cell: device => (
        <Group gap={6} justify="flex-end">
          {maySend && (
            <Button size="compact-xs" variant="light" onClick={() => ask({ what: 'test', device })}>
              {t('test')}
            </Button>
          )}
          {may && (
            <Button size="compact-xs" variant="default" onClick={() => ask({ what: 'rename', device })}>
              {t('rename')}
            </Button>
          )}
          {may && (
            <Button size="compact-xs" variant="default" onClick={() => ask({ what: 'remove', device })}>
              {t('remove')}
            </Button>
          )}
        </Group>
      ),
    },
  ]
}

interface ChangeProps {
  readonly app: string
  readonly device: TestDevice
  readonly onClose: () => void
}

function Rename({ app, device, onClose }: ChangeProps): ReactElement {
  const t = useTexts('testDevices')
  const common = useTexts('common')
  const change = useNameTestDevice(app)
  const form = useForm({
    initialValues: { name: device.name, description: device.description ?? '' },
    validate: { name: value => (value.trim() ? null : t('name.missing')) },
  })
  const submit = form.onSubmit(({ name, description }) =>
    change.mutate(
      {
        hwid: device.hwid,
        name: name.trim(),
        ...(description.trim() && { description: description.trim() }),
      },
      { onSuccess: onClose },
    ),
  )
  return (
    <Modal
      opened
      onClose={onClose}
      title={t('rename.title', { name: device.name })}
      centered
      closeButtonProps={{ 'aria-label': common('close') }}
    >
      <form noValidate onSubmit={submit}>
        <Stack gap="sm">
          <TextInput label={t('name')} maxLength={128} data-autofocus {...form.getInputProps('name')} />
          <TextInput
            label={common('optional', { label: t('description') })}
            maxLength={1024}
            {...form.getInputProps('description')}
          />
          {change.error && <Problem error={change.error} />}
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={onClose}>
              {common('cancel')}
            </Button>
            <Button type="submit" loading={change.isPending}>
              {common('save')}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  )
}

function Remove({ app, device, onClose }: ChangeProps): ReactElement {
  const t = useTexts('testDevices')
  const remove = useRemoveTestDevice(app)
  return (
    <Confirm
      isOpen
      title={t('remove.title', { name: device.name })}
      verb={t('remove')}
      isPending={remove.isPending}
      error={remove.error}
      onConfirm={() => remove.mutate(device.hwid, { onSuccess: onClose })}
      onClose={onClose}
    >
      {t('remove.about')}
    </Confirm>
  )
}
