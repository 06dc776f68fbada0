/** What can be done with a device: write to it, try it, name it a test device, unregister it, hand out or erase what is held of it. */
import { Button, Group, Menu, Modal, Stack, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import { useNavigate } from '@tanstack/react-router'
import { type ReactElement, useState } from 'react'
import { useTexts } from '../i18n/language.tsx'
import { Confirm } from '../parts/confirm.tsx'
import { ButtonLink } from '../parts/link.tsx'
import { Problem } from '../parts/problem.tsx'
import { ReadOnlyMark, useMay } from '../session/session.tsx'
import { useNameTestDevice } from '../test-devices/calls.ts'
import { type DoubtedDevice, useUnregister } from './calls.ts'
import { EraseConfirm } from './erase.tsx'

export interface DeviceActionsProps {
  readonly app: string
  readonly device: DoubtedDevice
  /** Undefined where the reader may not send. */
  readonly onTest: (() => void) | undefined
}

type Asked = 'unregister' | 'erase' | 'name'

export function DeviceActions({ app, device, onTest }: DeviceActionsProps): ReactElement {
  const t = useTexts('device')
  const may = useMay('devices')
  const navigate = useNavigate()
  const [asked, setAsked] = useState<Asked>()
  const close = (): void => setAsked(undefined)
  const { hwid } = device
  return (
    <>
      <ReadOnlyMark right="devices" />
      {may && (
        <Menu position="bottom-end">
          <Menu.Target>
            <Button variant="default">{t('actions')}</Button>
          </Menu.Target>
          <Menu.Dropdown>
            {!device.isTestDevice && (
              <Menu.Item onClick={() => setAsked('name')}>{t('makeTestDevice')}</Menu.Item>
            )}
            {device.addresses.some(({ state }) => state === 'active' || state === 'suspect') && (
              <Menu.Item onClick={() => setAsked('unregister')}>{t('unregister.title')}</Menu.Item>
            )}
            <Menu.Item color="red" onClick={() => setAsked('erase')}>
              {t('erase.menu')}
            </Menu.Item>
          </Menu.Dropdown>
        </Menu>
      )}
      {onTest && (
        <Button variant="default" onClick={onTest}>
          {t('testPush')}
        </Button>
      )}
      {onTest && (
        <ButtonLink to="/apps/$app/messages/new" params={{ app }} search={{ device: hwid }}>
          {t('write')}
        </ButtonLink>
      )}
      {asked === 'unregister' && <Unregister app={app} device={device} onClose={close} />}
      {asked === 'name' && <NameTestDevice app={app} device={device} onClose={close} />}
      {asked === 'erase' && (
        <EraseConfirm
          app={app}
          target={{ hwid }}
          onErased={() => void navigate({ to: '/apps/$app/devices', params: { app } })}
          onClose={close}
        />
      )}
    </>
  )
}

interface AskedProps extends Pick<DeviceActionsProps, 'app' | 'device'> {
  readonly onClose: () => void
}

function Unregister({ app, device, onClose }: AskedProps): ReactElement {
  const t = useTexts('device')
  const unregister = useUnregister(app, device.hwid)
  const count = device.addresses.filter(({ state }) => state === 'active' || state === 'suspect').length
  return (
    <Confirm
      isOpen
      isDangerous
      title={t('unregister.title')}
      verb={t('unregister.verb')}
      isPending={unregister.isPending}
      error={unregister.error}
      onConfirm={() => unregister.mutate(undefined, { onSuccess: onClose })}
      onClose={onClose}
    >
      {t('unregister.about', { count })}
    </Confirm>
  )
}

function NameTestDevice({ app, device, onClose }: AskedProps): ReactElement {
  const t = useTexts('device')
  const common = useTexts('common')
  const change = useNameTestDevice(app)
  const form = useForm({
    initialValues: { name: device.deviceModel ?? '' },
    validate: { name: value => (value.trim() ? null : t('testName.missing')) },
  })
  return (
    <Modal
      opened
      onClose={onClose}
      title={t('makeTestDevice')}
      centered
      closeButtonProps={{ 'aria-label': common('close') }}
    >
      <form
        noValidate
        onSubmit={form.onSubmit(({ name }) =>
          change.mutate({ hwid: device.hwid, name: name.trim() }, { onSuccess: onClose }),
        )}
      >
        <Stack gap="sm">
          <TextInput
            label={t('testName')}
            description={t('testName.hint')}
            maxLength={128}
            data-autofocus
            {...form.getInputProps('name')}
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
