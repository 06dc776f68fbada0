/** Links and buttons that go to a page of the console; their targets are typed by the route table. */
import { Anchor, type AnchorProps, Button, type ButtonProps } from '@mantine/core'
import { createLink, type LinkComponent } from '@tanstack/react-router'
import { forwardRef, type ReactElement } from 'react'

interface PlainAnchorProps extends Omit<AnchorProps, 'href'> {}
interface PlainButtonProps extends Omit<ButtonProps, 'href'> {}

const PlainAnchor = forwardRef<HTMLAnchorElement, PlainAnchorProps>((props, ref) => (
  <Anchor ref={ref} {...props} />
))
const PlainButton = forwardRef<HTMLAnchorElement, PlainButtonProps>((props, ref) => (
  <Button ref={ref} component="a" {...props} />
))
PlainAnchor.displayName = 'PlainAnchor'
PlainButton.displayName = 'PlainButton'

const RoutedAnchor = createLink(PlainAnchor)
const RoutedButton = createLink(PlainButton)

export const TextLink: LinkComponent<typeof PlainAnchor> = (props): ReactElement => (
  <RoutedAnchor {...props} />
)
export const ButtonLink: LinkComponent<typeof PlainButton> = (props): ReactElement => (
  <RoutedButton {...props} />
)
