/** How a message looks on an iPhone’s lock screen, in Android’s shade, and as a web push on Windows and macOS. */
import { useDebouncedValue } from '@mantine/hooks'
import type { CSSProperties, ReactElement } from 'react'
import { useFormat, useTexts } from '../i18n/language.tsx'
import { cutText, type Place, ROOM } from './cut.ts'
import css from './looks.module.css'
import type { Shown } from './resolve.ts'

export interface LookProps {
  readonly shown: Shown
  /** Name of the app; of a web push, the site’s. */
  readonly app: string
}

const PICTURE_PAUSE_MS = 900

/** Any day will do: the clock of a preview stands still. */
const MORNING = new Date(2026, 8, 14, 9, 41)

export function IPhoneLook(props: LookProps): ReactElement {
  const format = useFormat()
  const day = new Intl.DateTimeFormat(format.tag, { weekday: 'long', day: 'numeric', month: 'long' })
  return (
    <>
      <div className={css.day} aria-hidden>
        {day.format(MORNING)}
      </div>
      <div className={css.clock} aria-hidden>
        {format.time(MORNING)}
      </div>
      <Card {...props} look="ios" place="iphone" image="thumb" />
    </>
  )
}

export function AndroidLook(props: LookProps): ReactElement {
  const t = useTexts('compose')
  return (
    <>
      <div className={css.caption}>{t('look.collapsed')}</div>
      <Card {...props} shown={{ ...props.shown, buttons: [] }} look="android" place="android" image="thumb" />
      <div className={css.caption}>{t('look.expanded')}</div>
      <Card {...props} look="android" place="androidOpen" image="picture" />
    </>
  )
}

export function WebLook(props: LookProps): ReactElement {
  const t = useTexts('compose')
  return (
    <>
      <div className={css.caption}>{t('look.windows')}</div>
      <Card {...props} look="windows" place="windows" image="picture" />
      <div className={css.caption}>{t('look.macos')}</div>
      <Card {...props} look="macos" place="macos" image="thumb" />
    </>
  )
}

interface CardProps extends LookProps {
  readonly look: 'ios' | 'android' | 'windows' | 'macos'
  readonly place: Place
  readonly image: 'thumb' | 'picture'
}

function Card({ shown, app, look, place, image }: CardProps): ReactElement {
  const t = useTexts('compose')
  const room = ROOM[place]
  const title = cutText(shown.title, room.title).shown
  const body = cutText(shown.body, room.body).shown
  const subtitle = room.subtitle ? cutText(shown.subtitle, room.subtitle).shown : ''
  return (
    <div className={css.card} data-look={look} data-place={place}>
      <div className={css.icon} aria-hidden>
        {isUrl(shown.icon) ? <Picture url={shown.icon} /> : (app[0] ?? '·').toUpperCase()}
      </div>
      <div className={css.text}>
        {look !== 'ios' && (
          <div className={css.head}>
            <span className={css.app}>{app}</span>
            <span className={css.now}>{t('look.now')}</span>
          </div>
        )}
        <div className={css.head}>
          <span className={css.title} style={linesOf(room.title)}>
            {title}
          </span>
          {look === 'ios' && <span className={css.now}>{t('look.now')}</span>}
        </div>
        {subtitle !== '' && (
          <span className={css.title} style={linesOf({ lines: 1 })}>
            {subtitle}
          </span>
        )}
        <span className={css.line} style={linesOf(room.body)}>
          {body}
        </span>
        {title === '' && body === '' && <span className={css.empty}>{t('look.empty')}</span>}
      </div>
      {image === 'thumb' && isUrl(shown.image) && (
        <div className={css.thumb}>
          <Picture url={shown.image} />
        </div>
      )}
      {image === 'picture' && isUrl(shown.image) && (
        <div className={css.picture}>
          <Picture url={shown.image} />
        </div>
      )}
      {shown.buttons.length > 0 && (
        <div className={css.actions}>
          {shown.buttons.map(({ title: label }, at) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: two may have the same title
            <span key={at}>{label}</span>
          ))}
        </div>
      )}
    </div>
  )
}

function linesOf({ lines }: { readonly lines: number }): CSSProperties {
  return { '--lines': lines } as CSSProperties
}

/** Loaded by the browser of whoever writes: a picture that it can’t load stays an empty place. */
function Picture({ url }: { readonly url: string }): ReactElement {
  // half of an address that is being typed is that of somebody else
  const [settled] = useDebouncedValue(url, PICTURE_PAUSE_MS)
  return (
    <img
      src={settled === url ? url : undefined}
      alt=""
      referrerPolicy="no-referrer"
      onError={event => {
        event.currentTarget.style.visibility = 'hidden'
      }}
      onLoad={event => {
        event.currentTarget.style.visibility = ''
      }}
    />
  )
}

function isUrl(text: string): boolean {
  return /^https:\/\/[^/\s{]/.test(text)
}

/** Which places cut something off of what is shown. */
export function cutsOf(shown: Shown, places: readonly Place[]): Place[] {
  return places.filter(place => {
    const { title, subtitle, body } = ROOM[place]
    return (
      cutText(shown.title, title).isCut ||
      cutText(shown.body, body).isCut ||
      (subtitle !== undefined && cutText(shown.subtitle, subtitle).isCut)
    )
  })
}
