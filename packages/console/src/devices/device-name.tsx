/** A device as people know it: its model, else its system. The id that machines know it by stands below, shortened, and is copied whole. */
import type { ReactElement, ReactNode } from 'react'
import { useTexts } from '../i18n/language.tsx'
import { Dimmed } from '../parts/dimmed.tsx'
import { Id } from '../parts/id.tsx'
import { TextLink } from '../parts/link.tsx'
import { shortened } from '../parts/shortened.ts'
import css from './devices.module.css'
import { useDeviceLooks } from './looks.ts'

export interface NamedDevice {
  readonly hwid: string
  readonly platform: string | null
  readonly deviceModel?: string | null
}

/** Of a device that is not known yet, what all of them are called. */
export function useDeviceName(): (device: Omit<NamedDevice, 'hwid'> | undefined) => string {
  const t = useTexts('devices')
  const looks = useDeviceLooks()
  return device =>
    device?.deviceModel ??
    (device?.platform ? `${looks.platform(device.platform)} · ${t('device')}` : t('device'))
}

export interface DeviceNameProps {
  readonly app: string
  readonly device: NamedDevice
  /** Beside the name. */
  readonly children?: ReactNode
}

export function DeviceName({ app, device, children }: DeviceNameProps): ReactElement {
  const nameOf = useDeviceName()
  const { hwid } = device
  return (
    <span className={css.device}>
      <span className={css.deviceName}>
        <TextLink to="/apps/$app/devices/$hwid" params={{ app, hwid }} size="sm">
          {nameOf(device)}
        </TextLink>
        {children}
      </span>
      <Id value={hwid} shown={shortened(hwid)} />
    </span>
  )
}

export interface DeviceUserProps {
  readonly app: string
  readonly userId: string | null
}

/** Who is logged in on a device. */
export function DeviceUser({ app, userId }: DeviceUserProps): ReactElement {
  const t = useTexts('devices')
  return userId ? (
    <TextLink to="/apps/$app/users/$user" params={{ app, user: userId }} size="sm" c="inherit">
      {userId}
    </TextLink>
  ) : (
    <Dimmed>{t('visitor')}</Dimmed>
  )
}
