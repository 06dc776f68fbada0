/** Mantine's settings for the console; the colours of data stand in `theme.css`. */
import { createTheme, Menu } from '@mantine/core'

export const theme = createTheme({
  fontFamily: 'system-ui, -apple-system, "Segoe UI", Roboto, Inter, "Helvetica Neue", sans-serif',
  fontFamilyMonospace: 'ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace',
  primaryColor: 'roost',
  // white on a lighter one has less contrast than 4.5 : 1
  primaryShade: 7,
  defaultRadius: 'md',
  headings: { fontWeight: '650' },
  components: {
    // Fields of several values keep their clicks to themselves: without it a menu stays open, and closes at the first letter that is
    // typed there, which takes the focus away.
    Menu: Menu.extend({ defaultProps: { clickOutsideCapture: true } }),
  },
  colors: {
    dark: [
      '#d9dee4',
      '#b8c0c9',
      '#98a2ad',
      '#6b7683',
      '#3a424b',
      '#2d343b',
      '#232a31',
      '#1b2026',
      '#13171b',
      '#0d1013',
    ],
    roost: [
      '#e8f4fb',
      '#d0e6f4',
      '#9fccea',
      '#6bb1df',
      '#439ad6',
      '#2c8dd1',
      '#1c80c6',
      '#0b6aa8',
      '#0b5c8f',
      '#064a76',
    ],
  },
})
