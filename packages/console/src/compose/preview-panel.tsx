/** Beside the form: how it looks, for whom, and how much room it takes. */
import { Group, SegmentedControl, Stack, Text, useComputedColorScheme } from '@mantine/core'
import type { Preview, Remark } from '@roost/protocol'
import { type ReactElement, useState } from 'react'
import { useDeviceLooks } from '../devices/looks.ts'
import { useFormat, useTexts } from '../i18n/language.tsx'
import { Panel } from '../parts/page.tsx'
import { Problem } from '../parts/problem.tsx'
import { usePreview, useTestDevices } from './calls.ts'
import css from './compose.module.css'
import type { Place } from './cut.ts'
import type { GatewayName } from './draft.ts'
import { Choice } from './field.tsx'
import { useLanguageName } from './language-name.ts'
import looksCss from './looks.module.css'
import { AndroidLook, cutsOf, IPhoneLook, WebLook } from './looks.tsx'
import { type Meter, metersOf, toneOfMeter } from './meters.ts'
import { useReason } from './reason.ts'
import { useRemark } from './remarks.ts'
import type { Body } from './request.ts'
import { filledIn, type Shown, shownOf } from './resolve.ts'

const SCREENS = {
  iphone: { gateway: 'apns', places: ['iphone'] },
  android: { gateway: 'fcm', places: ['android', 'androidOpen'] },
  web: { gateway: 'webpush', places: ['windows', 'macos'] },
} as const satisfies Readonly<
  Record<string, { readonly gateway: GatewayName; readonly places: readonly Place[] }>
>
type Screen = keyof typeof SCREENS

export interface PreviewPanelProps {
  readonly app: string
  readonly appName: string
  readonly content: Body
  /** Undefined: what the server last said of it is no more true. */
  readonly preview: Preview | undefined
  readonly error: Error | null
  readonly language: string
  readonly languages: readonly string[]
  readonly onLanguage: (language: string) => void
}

export function PreviewPanel(props: PreviewPanelProps): ReactElement {
  const t = useTexts('compose')
  const [screen, setScreen] = useState<Screen>('iphone')
  const ofPage = useComputedColorScheme('light')
  const [chosen, setScheme] = useState<'light' | 'dark'>()
  const scheme = chosen ?? ofPage
  const [hwid, setHwid] = useState('')
  const { gateway } = SCREENS[screen]
  return (
    <Panel title={t('preview')}>
      <Stack gap="sm">
        <SegmentedControl
          fullWidth
          size="xs"
          aria-label={t('preview.screen')}
          value={screen}
          onChange={value => {
            setScreen(value as Screen)
            setHwid('')
          }}
          data={(Object.keys(SCREENS) as Screen[]).map(value => ({ value, label: t(`screen.${value}`) }))}
        />
        <Group gap="xs" grow align="flex-end">
          <LanguageChoice {...props} />
          <DeviceChoice {...props} gateway={gateway} hwid={hwid} onHwid={setHwid} />
        </Group>
        <Looked {...props} screen={screen} scheme={scheme} hwid={hwid} />
        <Group justify="flex-end">
          <SegmentedControl
            size="xs"
            aria-label={t('preview.scheme')}
            value={scheme}
            onChange={value => setScheme(value as 'light' | 'dark')}
            data={(['light', 'dark'] as const).map(value => ({ value, label: t(`scheme.${value}`) }))}
          />
        </Group>
      </Stack>
    </Panel>
  )
}

function LanguageChoice({ language, languages, onLanguage }: PreviewPanelProps): ReactElement {
  const t = useTexts('compose')
  const nameOf = useLanguageName()
  return (
    <Choice
      label={t('preview.language')}
      value={language}
      options={[
        { value: '', label: t('language.others') },
        ...languages.map(value => ({ value, label: nameOf(value) })),
      ]}
      onValue={onLanguage}
    />
  )
}

interface DeviceChoiceProps extends PreviewPanelProps {
  readonly gateway: GatewayName
  readonly hwid: string
  readonly onHwid: (hwid: string) => void
}

function DeviceChoice({ app, preview, gateway, hwid, onHwid }: DeviceChoiceProps): ReactElement {
  const t = useTexts('compose')
  const { data: tests = [] } = useTestDevices(app)
  const found = (preview?.devices ?? []).filter(it => it.gateway === gateway)
  const nameOf = (id: string, at: number): string =>
    tests.find(it => it.hwid === id)?.name ?? t('preview.sample', { number: at + 1, end: id.slice(-6) })
  const options = found.map((it, at) => ({ value: it.hwid, label: nameOf(it.hwid, at) }))
  const others = tests
    .filter(it => !found.some(each => each.hwid === it.hwid))
    .map(it => ({ value: it.hwid, label: it.name }))
  return (
    <Choice
      label={t('preview.device')}
      value={hwid}
      options={[{ value: '', label: t('preview.written') }, ...options, ...others]}
      onValue={onHwid}
    />
  )
}

interface LookedProps extends PreviewPanelProps {
  readonly screen: Screen
  readonly scheme: 'light' | 'dark'
  readonly hwid: string
}

/** For a device as the server renders it, else as it is written. */
function Looked(props: LookedProps): ReactElement {
  const t = useTexts('compose')
  const { app, appName, content, preview, screen, scheme, hwid, language } = props
  const reasonOf = useReason()
  const { gateway, places } = SCREENS[screen]
  const found = preview?.devices.find(it => it.hwid === hwid && it.gateway === gateway)
  const isAsked = hwid !== '' && found === undefined
  const own = usePreview(app, isAsked ? { content, to: undefined, devices: [hwid] } : undefined)
  const device = found ?? own.data?.devices.find(it => it.hwid === hwid && it.gateway === gateway)
  const written = writtenOf(content, gateway, language)
  const shown = hwid === '' ? written : shownBy(device?.shown ?? null, written)
  const cuts = cutsOf(shown, places)
  const Look = screen === 'iphone' ? IPhoneLook : screen === 'android' ? AndroidLook : WebLook
  const reason =
    hwid === '' ? null : (device?.reason ?? (own.data && !device ? t('preview.otherGateway') : null))
  return (
    <>
      <div className={looksCss.stage} data-scheme={scheme} data-screen={screen}>
        {content.silent === true ? (
          <span className={looksCss.empty}>{t('look.silent')}</span>
        ) : (
          <Look shown={shown} app={appName} />
        )}
      </div>
      {reason !== null && (
        <Text size="sm" c="red" role="status">
          {t('preview.notSent', { reason: reasonOf(reason) })}
        </Text>
      )}
      {cuts.length > 0 && (
        <Text size="xs" c="dimmed">
          {cuts.map(place => t(`cut.${place}`)).join(' ')}
        </Text>
      )}
    </>
  )
}

function writtenOf(content: Body, gateway: GatewayName, language: string): Shown {
  const shown = shownOf(content, gateway, language === '' ? undefined : language)
  const defaults = (content.defaults ?? {}) as Readonly<Record<string, unknown>>
  return {
    ...shown,
    title: filledIn(shown.title, defaults),
    subtitle: filledIn(shown.subtitle, defaults),
    body: filledIn(shown.body, defaults),
  }
}

/** What stays hidden until it is known is what was written. */
function shownBy(shown: Preview['devices'][number]['shown'], written: Shown): Shown {
  if (shown === null) return written
  const { title, subtitle, body, image, icon, buttons } = shown
  return {
    title: title ?? '',
    subtitle: subtitle ?? '',
    body: body ?? '',
    image: image ?? '',
    icon: icon ?? '',
    buttons,
  }
}

export interface MetersPanelProps {
  readonly preview: Preview | undefined
  readonly error: Error | null
}

export function MetersPanel({ preview, error }: MetersPanelProps): ReactElement {
  const t = useTexts('compose')
  const wordsOf = useRemark()
  return (
    <Panel title={t('sizes')}>
      {error && <Problem error={error} title={t('preview.failed')} />}
      {preview && preview.gateways.length > 0 ? (
        <Stack gap="md" aria-live="polite">
          {metersOf(preview).map(meter => (
            <MeterView key={meter.gateway} meter={meter} />
          ))}
          {preview.problems
            .flatMap(it => it.remarks)
            .filter(isOfAll)
            .map(remark => (
              <Text key={remark.text} size="sm" c="red" role="alert">
                {wordsOf(remark)}
              </Text>
            ))}
        </Stack>
      ) : (
        <Text size="sm" c="dimmed">
          {t('sizes.none')}
        </Text>
      )}
    </Panel>
  )
}

/** What is about one field stands there. */
function isOfAll({ place }: Remark): boolean {
  return place === null || /^content(?:\/languages\/[^/]+)?$/.test(place)
}

const PARTS_SHOWN = 4

function MeterView({ meter }: { readonly meter: Meter }): ReactElement {
  const t = useTexts('compose')
  const format = useFormat()
  const looks = useDeviceLooks()
  const nameOf = useLanguageName()
  const reasonOf = useReason()
  const { gateway, bytes, limit, fill, parts, language, reason, hasCredential } = meter
  const shown = parts
    .slice(0, PARTS_SHOWN)
    .map(({ field, bytes: of }) => `${fieldName(t, field)} ${format.count(of)}`)
  const largest =
    typeof language === 'string' ? t('sizes.largest', { language: nameOf(language) }) : undefined
  return (
    <div className={css.meter} data-gateway={gateway}>
      <span style={{ fontWeight: 600 }}>{looks.gateway(gateway)}</span>
      <span data-bytes={bytes ?? undefined}>
        {bytes === null || limit === null
          ? '–'
          : t('sizes.bytes', { bytes: format.count(bytes), limit: format.count(limit) })}
      </span>
      <div className={css.track} aria-hidden>
        <div
          className={css.fill}
          data-tone={toneOfMeter(meter)}
          style={{ width: `${Math.min(100, fill * 100)}%` }}
        />
      </div>
      <Text size="xs" c="dimmed" style={{ gridColumn: '1 / -1' }}>
        {hasCredential ? '' : `${t('sizes.noCredential')} `}
        {shown.length > 0 && t('sizes.parts', { parts: format.list(shown) })}
        {largest && ` ${largest}`}
      </Text>
      {reason !== null && (
        <Text size="xs" c="red" style={{ gridColumn: '1 / -1' }}>
          {reasonOf(reason)}
        </Text>
      )}
    </div>
  )
}

function fieldName(t: ReturnType<typeof useTexts<'compose'>>, field: string): string {
  return t.known(`part.${field}`) ?? t.known(`field.${field}`) ?? field
}
