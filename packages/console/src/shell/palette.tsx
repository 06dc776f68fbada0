/**
 * Goes anywhere with a few keys (Ctrl-K): a page, an app, or a segment, user, device or message of the open app, by its name or id.
 *
 * A combobox with a list of groups: the focus stays in the field, the arrows move the choice, which stays the same when more is found.
 * Source: WAI-ARIA Authoring Practices, "Combobox with listbox popup" and "Grouping" of options.
 */
import { Modal, Text, TextInput } from '@mantine/core'
import { useNavigate } from '@tanstack/react-router'
import { type KeyboardEvent, type ReactElement, useEffect, useId, useRef, useState } from 'react'
import { useApps } from '../apps/calls.ts'
import { useFormat, useTexts } from '../i18n/language.tsx'
import { shortened } from '../parts/shortened.ts'
import { useOpenApp } from '../session/session.tsx'
import { SHOWN_OF_EACH, useFinds } from './found.ts'
import { NAVIGATION, useMayOpen } from './navigation.ts'
import css from './palette.module.css'

interface Choice {
  /** Unique among all. */
  readonly key: string
  readonly label: string
  readonly go: () => void
  readonly detail?: string | undefined
}

interface ChoiceGroup {
  readonly title: string
  readonly choices: readonly Choice[]
}

export interface PaletteProps {
  readonly isOpen: boolean
  readonly onClose: () => void
}

export function Palette({ isOpen, onClose }: PaletteProps): ReactElement {
  const t = useTexts('common')
  return (
    // At once: one that still fades out when it is opened anew would keep its former text.
    <Modal.Root opened={isOpen} onClose={onClose} yOffset="12vh" transitionProps={{ duration: 0 }}>
      <Modal.Overlay />
      <Modal.Content aria-label={t('palette.open')}>
        <Search onClose={onClose} />
      </Modal.Content>
    </Modal.Root>
  )
}

function Search({ onClose }: Pick<PaletteProps, 'onClose'>): ReactElement {
  const t = useTexts('common')
  const list = useId()
  const [text, setText] = useState('')
  const [chosenKey, setChosenKey] = useState<string>()
  const { groups, isAsking } = useGroups(text.trim())
  const choices = groups.flatMap(group => group.choices)
  const chosen = Math.max(
    0,
    choices.findIndex(({ key }) => key === chosenKey),
  )
  const take = (choice: Choice | undefined): void => {
    if (!choice) return
    onClose()
    choice.go()
  }
  const onKeyDown = (event: KeyboardEvent): void => {
    const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0
    if (step !== 0) setChosenKey(choices[(chosen + step + choices.length) % Math.max(1, choices.length)]?.key)
    if (event.key === 'Enter') take(choices[chosen])
    if (step !== 0 || event.key === 'Enter') event.preventDefault()
  }
  return (
    <div>
      <TextInput
        size="md"
        variant="unstyled"
        className={css.field ?? ''}
        placeholder={t('palette.hint')}
        aria-label={t('palette.hint')}
        role="combobox"
        aria-expanded
        aria-controls={list}
        aria-activedescendant={choices.length > 0 ? `${list}-${chosen}` : undefined}
        data-autofocus
        value={text}
        onChange={event => {
          setText(event.currentTarget.value)
          setChosenKey(undefined)
        }}
        onKeyDown={onKeyDown}
      />
      <div role="listbox" id={list} aria-label={t('palette.open')} aria-busy={isAsking} className={css.list}>
        {groups.map(({ title, choices: those }, at) => (
          // biome-ignore lint/a11y/useSemanticElements: a group of options is no <fieldset>
          <div role="group" key={title} aria-labelledby={`${list}-group-${at}`}>
            <div id={`${list}-group-${at}`} className={css.title} role="presentation">
              {title}
            </div>
            {those.map(choice => (
              <Option
                key={choice.key}
                id={`${list}-${choices.indexOf(choice)}`}
                choice={choice}
                isChosen={choice === choices[chosen]}
                onTake={() => take(choice)}
                onPoint={() => setChosenKey(choice.key)}
              />
            ))}
          </div>
        ))}
      </div>
      <Text size="sm" c="dimmed" p={choices.length === 0 ? 'md' : 0} role="status">
        {choices.length === 0 && t(isAsking ? 'loading' : 'palette.none')}
      </Text>
    </div>
  )
}

interface OptionProps {
  readonly id: string
  readonly choice: Choice
  readonly isChosen: boolean
  readonly onTake: () => void
  readonly onPoint: () => void
}

function Option({ id, choice, isChosen, onTake, onPoint }: OptionProps): ReactElement {
  const element = useRef<HTMLDivElement>(null)
  useEffect(() => {
    if (isChosen) element.current?.scrollIntoView({ block: 'nearest' })
  }, [isChosen])
  return (
    // biome-ignore lint/a11y/useFocusableInteractive: the focus stays in the field, which names the choice
    // biome-ignore lint/a11y/useKeyWithClickEvents: Enter in the field takes it
    <div
      ref={element}
      id={id}
      role="option"
      aria-selected={isChosen}
      className={css.choice}
      onClick={onTake}
      onMouseMove={onPoint}
    >
      <span>{choice.label}</span>
      {choice.detail && <span className={css.detail}>{choice.detail}</span>}
    </div>
  )
}

const MESSAGE_ID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/i
/** From so many characters on it is worth looking for in all devices. */
const SEARCH_CHARACTERS = 3

/** Pages and apps are there at once, what is asked for comes below them: nothing that is read already moves. */
function useGroups(text: string): { readonly groups: readonly ChoiceGroup[]; readonly isAsking: boolean } {
  const t = useTexts('common')
  const app = useOpenApp()
  const finds = useFinds(app, text)
  const groups = [
    { title: t('nav.label'), choices: usePages(text) },
    { title: t('page.start'), choices: useOtherApps(text) },
    { title: t('page.segments'), choices: useSegmentChoices(finds) },
    { title: t('page.users'), choices: useUserChoices(finds) },
    { title: t('page.devices'), choices: useDeviceChoices(finds, text) },
    { title: t('page.messages'), choices: useMessageChoices(finds, text) },
  ]
  return { groups: groups.filter(({ choices }) => choices.length > 0), isAsking: finds.isAsking }
}

function fits(label: string, text: string): boolean {
  return label.toLocaleLowerCase().includes(text.toLocaleLowerCase())
}

function usePages(text: string): readonly Choice[] {
  const t = useTexts('common')
  const mayOpen = useMayOpen()
  const navigate = useNavigate()
  const app = useOpenApp()
  const pages = NAVIGATION.flatMap(({ label: group, places }) => {
    const all: readonly (typeof NAVIGATION)[number]['places'][number][] = places
    return all.filter(({ to }) => mayOpen(to)).map(({ label, to }) => ({ label, to, group }))
  })
  const ofApp = (app === undefined ? [] : pages).map(({ label, to, group }) => ({
    key: to,
    label: t(label),
    detail: t(group),
    go: () => void navigate({ to, params: { app: app ?? '' } }),
  }))
  const account = { key: 'account', label: t('page.account'), go: () => void navigate({ to: '/account' }) }
  return [...ofApp, account].filter(({ label }) => fits(label, text))
}

function useOtherApps(text: string): readonly Choice[] {
  const navigate = useNavigate()
  const open = useOpenApp()
  const { data: apps = [] } = useApps()
  return apps
    .filter(({ code, name }) => code !== open && (fits(name, text) || fits(code, text)))
    .map(({ code, name }) => ({
      key: `app ${code}`,
      label: name,
      detail: code,
      go: () => void navigate({ to: '/apps/$app', params: { app: code } }),
    }))
}

type Finds = ReturnType<typeof useFinds>

function useSegmentChoices({ segments }: Finds): readonly Choice[] {
  const navigate = useNavigate()
  const app = useOpenApp() ?? ''
  return segments.slice(0, SHOWN_OF_EACH).map(({ id, name }) => ({
    key: `segment ${id}`,
    label: name,
    go: () => void navigate({ to: '/apps/$app/segments/$segment', params: { app, segment: id } }),
  }))
}

function useUserChoices({ users }: Finds): readonly Choice[] {
  const navigate = useNavigate()
  const app = useOpenApp() ?? ''
  return users.slice(0, SHOWN_OF_EACH).map(user => ({
    key: `user ${user}`,
    label: user,
    go: () => void navigate({ to: '/apps/$app/users/$user', params: { app, user } }),
  }))
}

/** At the end the search of the page of devices, which knows slower ways. */
function useDeviceChoices({ devices }: Finds, text: string): readonly Choice[] {
  const t = useTexts('common')
  const navigate = useNavigate()
  const app = useOpenApp()
  if (app === undefined) return []
  const found = devices.map(({ hwid, deviceModel, userId }) => ({
    key: `device ${hwid}`,
    label: deviceModel ?? t('palette.device'),
    detail: [userId, shortened(hwid)].filter(Boolean).join(' · '),
    go: () => void navigate({ to: '/apps/$app/devices/$hwid', params: { app, hwid } }),
  }))
  if ([...text].length < SEARCH_CHARACTERS) return found
  const search = {
    key: 'devices',
    label: t('palette.devices', { id: shortened(text) }),
    go: () => void navigate({ to: '/apps/$app/devices', params: { app }, search: { search: text } }),
  }
  return [...found, search]
}

/** An id opens the message, whatever it says. */
function useMessageChoices({ messages }: Finds, text: string): readonly Choice[] {
  const t = useTexts('common')
  const format = useFormat()
  const navigate = useNavigate()
  const app = useOpenApp()
  if (app === undefined) return []
  const go = (message: string): void =>
    void navigate({ to: '/apps/$app/messages/$message', params: { app, message } })
  const byId = {
    key: `message ${text}`,
    label: t('palette.message', { id: shortened(text) }),
    go: () => go(text),
  }
  const found = messages.map(({ id, title, campaign, createdAt }) => ({
    key: `message ${id}`,
    label: title ?? campaign ?? t('palette.untitled'),
    detail: format.day(createdAt),
    go: () => go(id),
  }))
  return MESSAGE_ID.test(text) ? [byId, ...found] : found
}
