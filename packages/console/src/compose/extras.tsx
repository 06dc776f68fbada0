/** What a message may have besides its text: image, link, buttons, sound, badge, data, and what one gateway gets otherwise. */
import { ActionIcon, Button, Group, Stack, Switch, Text } from '@mantine/core'
import type { Preview } from '@roost/protocol'
import type { ReactElement } from 'react'
import { useDeviceLooks } from '../devices/looks.ts'
import { useFormat, useTexts } from '../i18n/language.tsx'
import { useSuggestedValues } from './calls.ts'
import css from './compose.module.css'
import {
  type ButtonDraft,
  type ContentDraft,
  EMPTY_GATEWAY,
  GATEWAYS,
  type GatewayDraft,
  type GatewayName,
  PART_OF_GATEWAY,
  type Words,
} from './draft.ts'
import { Choice, Json, Line, Section, Span } from './field.tsx'
import { useRemark } from './remarks.ts'

export interface ExtrasProps {
  readonly app: string
  readonly content: ContentDraft
  readonly images: Preview['images']
  readonly onChange: (given: Partial<ContentDraft>) => void
}

const BUTTONS_MAX = 3

/** Image, icon, link and buttons. */
export function MediaSection({ content, images, onChange }: ExtrasProps): ReactElement {
  const t = useTexts('compose')
  const format = useFormat()
  const { words } = content
  const set = (given: Partial<Words>): void => onChange({ words: { ...words, ...given } })
  const told = [
    words.image && t('field.image'),
    words.icon && t('field.icon'),
    words.url && t('field.url'),
    words.buttons.length > 0 && t('told.buttons', { count: words.buttons.length }),
  ].filter(isTold)
  return (
    <Section
      title={t('media')}
      told={told.length > 0 ? format.list(told) : t('told.nothing')}
      places={['content.image', 'content.icon', 'content.url', ...buttonPlaces(words.buttons)]}
    >
      <Stack gap="md">
        <div>
          <Line
            label={t('field.image')}
            description={t('field.image.hint')}
            placeholder="https://"
            inputMode="url"
            value={words.image}
            place="content.image"
            onValue={image => set({ image })}
          />
          <ImageCheck
            image={images.find(it => it.url === words.image.trim())}
            isWarning={content.onBadImage === 'warn'}
          />
          {words.image !== '' && (
            <Switch
              mt="xs"
              label={t('field.image.warn')}
              checked={content.onBadImage === 'warn'}
              onChange={event => onChange({ onBadImage: event.currentTarget.checked ? 'warn' : 'refuse' })}
            />
          )}
        </div>
        <div className={css.lane}>
          <Line
            label={t('field.url')}
            description={t('field.url.hint')}
            placeholder="https:// , shop://cart"
            inputMode="url"
            value={words.url}
            place="content.url"
            onValue={url => set({ url })}
          />
          <Line
            label={t('field.icon')}
            description={t('field.icon.hint')}
            value={words.icon}
            place="content.icon"
            onValue={icon => set({ icon })}
          />
        </div>
        <Buttons buttons={words.buttons} onButtons={buttons => set({ buttons })} />
      </Stack>
    </Section>
  )
}

function buttonPlaces(buttons: readonly ButtonDraft[]): string[] {
  return buttons.flatMap((_, at) => [`content.buttons.${at}.title`, `content.buttons.${at}.url`])
}

interface ImageCheckProps {
  readonly image: Preview['images'][number] | undefined
  /** A fault keeps nothing from being sent. */
  readonly isWarning: boolean
}

/** What the server found when it looked at the image. A fault that keeps it from being sent stands at the field itself. */
function ImageCheck({ image, isWarning }: ImageCheckProps): ReactElement | null {
  const t = useTexts('compose')
  const wordsOf = useRemark()
  if (!image || (image.fault !== null && !isWarning)) return null
  const trouble = image.remark === null ? null : wordsOf(image.remark)
  return (
    <Text size="xs" mt={4} role="status" c={trouble === null ? 'dimmed' : 'orange'}>
      {trouble ?? t('field.image.good')}
    </Text>
  )
}

interface ButtonsProps {
  readonly buttons: readonly ButtonDraft[]
  readonly onButtons: (buttons: readonly ButtonDraft[]) => void
}

function Buttons({ buttons, onButtons }: ButtonsProps): ReactElement {
  const t = useTexts('compose')
  return (
    <Stack gap="xs">
      <div>
        <Text size="sm" fw={500}>
          {t('buttons')}
        </Text>
        <Text size="xs" c="dimmed">
          {t('buttons.hint')}
        </Text>
      </div>
      {buttons.map((button, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: they have no names of their own
        <div className={css.row} key={at}>
          <div className={css.grow}>
            <Line
              label={t('button.title', { number: at + 1 })}
              value={button.title}
              place={`content.buttons.${at}.title`}
              onValue={title => onButtons(buttons.with(at, { ...button, title }))}
            />
          </div>
          <div className={css.grow}>
            <Line
              label={t('button.url', { number: at + 1 })}
              value={button.url}
              place={`content.buttons.${at}.url`}
              onValue={url => onButtons(buttons.with(at, { ...button, url }))}
            />
          </div>
          <ActionIcon
            mt={24}
            size={36}
            variant="subtle"
            color="gray"
            aria-label={t('button.remove', { number: at + 1 })}
            onClick={() => onButtons(buttons.toSpliced(at, 1))}
          >
            ×
          </ActionIcon>
        </div>
      ))}
      {buttons.length < BUTTONS_MAX && (
        <div>
          <Button size="xs" variant="default" onClick={() => onButtons([...buttons, { title: '', url: '' }])}>
            {t('button.add')}
          </Button>
        </div>
      )}
    </Stack>
  )
}

const LEVELS = ['', 'passive', 'active', 'time-sensitive', 'critical'] as const

/** Sound, badge, channel, category, level and the app's own data. */
export function AppSection({ app, content, onChange }: ExtrasProps): ReactElement {
  const t = useTexts('compose')
  const format = useFormat()
  const { words, isSilent } = content
  const told = [
    !isSilent && words.sound && t('field.sound'),
    !isSilent && content.badge && t('field.badge'),
    !isSilent && content.channel && t('field.channel'),
    !isSilent && content.category && t('field.category'),
    !isSilent && content.interruptionLevel && t('field.level'),
    content.data && t('field.data'),
    content.root && t('field.root'),
  ].filter(isTold)
  return (
    <Section
      title={t('app')}
      told={told.length > 0 ? format.list(told) : t('told.nothing')}
      places={['content.badge', 'content.data', 'content.root', 'content.sound', 'content.channel']}
    >
      <Stack gap="md">
        {!isSilent && (
          <div className={css.lane}>
            <Line
              label={t('field.sound')}
              description={t('field.sound.hint')}
              placeholder="default"
              value={words.sound}
              place="content.sound"
              onValue={sound => onChange({ words: { ...words, sound } })}
            />
            <Line
              label={t('field.badge')}
              description={t('field.badge.hint')}
              placeholder="+1"
              value={content.badge}
              place="content.badge"
              onValue={badge => onChange({ badge })}
            />
            <Channel app={app} value={content.channel} onValue={channel => onChange({ channel })} />
            <Line
              label={t('field.category')}
              description={t('field.category.hint')}
              value={content.category}
              place="content.category"
              onValue={category => onChange({ category })}
            />
            <Choice
              label={t('field.level')}
              description={t('field.level.hint')}
              value={content.interruptionLevel}
              options={LEVELS.map(value => ({ value, label: t(`level.${value || 'usual'}`) }))}
              onValue={interruptionLevel => onChange({ interruptionLevel })}
            />
          </div>
        )}
        <Json
          label={t('field.data')}
          description={t('field.data.hint')}
          placeholder='{"order": 17}'
          value={content.data}
          place="content.data"
          onValue={data => onChange({ data })}
        />
        <Json
          label={t('field.root')}
          description={t('field.root.hint')}
          value={content.root}
          place="content.root"
          onValue={root => onChange({ root })}
        />
      </Stack>
    </Section>
  )
}

interface ChannelProps {
  readonly app: string
  readonly value: string
  readonly onValue: (value: string) => void
}

/** Channels that devices have told of are offered. */
function Channel({ app, value, onValue }: ChannelProps): ReactElement {
  const t = useTexts('compose')
  const { data } = useSuggestedValues(app, 'channel')
  return (
    <>
      <Line
        label={t('field.channel')}
        description={t('field.channel.hint')}
        list="compose-channels"
        value={value}
        place="content.channel"
        onValue={onValue}
      />
      <datalist id="compose-channels">
        {(data?.values ?? []).map(it => (
          <option key={String(it.value)} value={String(it.value)} />
        ))}
      </datalist>
    </>
  )
}

/** What the devices of one gateway get in place of the common part. */
export function GatewaySection({ content, onChange }: Omit<ExtrasProps, 'app' | 'images'>): ReactElement {
  const t = useTexts('compose')
  const format = useFormat()
  const looks = useDeviceLooks()
  const changed = GATEWAYS.filter(it => isChanged(content.gateways[it]))
  return (
    <Section
      title={t('gateways')}
      told={changed.length > 0 ? format.list(changed.map(looks.gateway)) : t('gateways.none')}
      places={GATEWAYS.flatMap(gateway => placesOf(gateway))}
    >
      <Text size="sm" c="dimmed" mb="md">
        {t('gateways.hint')}
      </Text>
      <Stack gap="md">
        {GATEWAYS.map(gateway => (
          <Override
            key={gateway}
            gateway={gateway}
            given={content.gateways[gateway]}
            isSilent={content.isSilent}
            onGiven={given => onChange({ gateways: { ...content.gateways, [gateway]: given } })}
          />
        ))}
      </Stack>
    </Section>
  )
}

/** Of what is set, and what is not. */
export function isTold(text: string | boolean): text is string {
  return typeof text === 'string' && text !== ''
}

function isChanged(given: GatewayDraft): boolean {
  const { ttl, ...texts } = given
  return ttl.amount !== '' || Object.values(texts).some(it => it !== '')
}

function placesOf(gateway: GatewayName): string[] {
  const part = `content.${PART_OF_GATEWAY[gateway]}`
  return [part, ...['title', 'body', 'image', 'url', 'badge', 'ttlSeconds'].map(it => `${part}.${it}`)]
}

/** Of raw options, in the gateway's own words. */
const SAMPLES: Readonly<Record<GatewayName, string>> = {
  apns: '{"priority": 5, "aps": {"thread-id": "orders"}}',
  fcm: '{"android": {"notification": {"ticker": "…"}}}',
  webpush: '{"urgency": "high", "topic": "news"}',
  hms: '{"android": {"category": "WORK"}}',
}

interface OverrideProps {
  readonly gateway: GatewayName
  readonly given: GatewayDraft
  readonly isSilent: boolean
  readonly onGiven: (given: GatewayDraft) => void
}

function Override({ gateway, given, isSilent, onGiven }: OverrideProps): ReactElement {
  const t = useTexts('compose')
  const looks = useDeviceLooks()
  const place = `content.${PART_OF_GATEWAY[gateway]}`
  const set = (change: Partial<GatewayDraft>): void => onGiven({ ...given, ...change })
  const fields = [
    ...(['title', 'body', 'image', 'url', 'sound', 'badge'] as const),
    ...(gateway === 'apns' ? (['category'] as const) : []),
    ...(gateway === 'fcm' || gateway === 'hms' ? (['channel'] as const) : []),
  ].filter(it => gateway !== 'webpush' || (it !== 'sound' && it !== 'badge'))
  return (
    <fieldset className={css.plain}>
      <Group justify="space-between" mb={6}>
        <legend style={{ fontWeight: 600, float: 'left' }}>{looks.gateway(gateway)}</legend>
        {isChanged(given) && (
          <Button size="compact-xs" variant="subtle" color="gray" onClick={() => onGiven(EMPTY_GATEWAY)}>
            {t('gateways.clear', { gateway: looks.gateway(gateway) })}
          </Button>
        )}
      </Group>
      <div className={css.lane}>
        {!isSilent &&
          fields.map(name => (
            <Line
              key={name}
              label={t(`field.${name}`)}
              placeholder={t('gateways.same')}
              value={given[name]}
              place={`${place}.${name}`}
              onValue={value => set({ [name]: value })}
            />
          ))}
        {gateway === 'apns' && !isSilent && (
          <Choice
            label={t('field.level')}
            value={given.interruptionLevel}
            options={LEVELS.map(value => ({
              value,
              label: value === '' ? t('gateways.same') : t(`level.${value}`),
            }))}
            onValue={interruptionLevel => set({ interruptionLevel })}
          />
        )}
        <Span
          label={t('field.ttl')}
          placeholder={t('gateways.same')}
          value={given.ttl}
          place={`${place}.ttlSeconds`}
          onValue={ttl => set({ ttl })}
        />
      </div>
      <div style={{ marginTop: 12 }}>
        <Json
          label={t('gateways.more', { gateway: looks.gateway(gateway) })}
          description={t('gateways.more.hint')}
          placeholder={SAMPLES[gateway]}
          value={given.more}
          place={place}
          onValue={more => set({ more })}
        />
      </div>
    </fieldset>
  )
}
