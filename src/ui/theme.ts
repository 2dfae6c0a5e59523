/** Mantine in the studio's measure: small controls, the system's type, one accent colour. */
import { createTheme } from '@mantine/core';

export const THEME = createTheme({
  fontFamily: 'var(--sans)',
  fontFamilyMonospace: 'var(--mono)',
  primaryColor: 'pare',
  primaryShade: { light: 7, dark: 5 },
  defaultRadius: 5,
  autoContrast: true,
  respectReducedMotion: true,
  colors: {
    pare: [
      '#e3f4f3',
      '#c9e8e6',
      '#9bd6d2',
      '#69c3bd',
      '#4fc8bc',
      '#3fbfb3',
      '#1c9189',
      '#0b7a75',
      '#08645f',
      '#054d49',
    ],
  },
  fontSizes: { xs: '12px', sm: '13px', md: '14px' },
  // By name: naming the components themselves would load all of them with the first page.
  components: {
    Button: { defaultProps: { size: 'xs', variant: 'default' } },
    NativeSelect: { defaultProps: { size: 'xs' } },
    SegmentedControl: { defaultProps: { size: 'xs', transitionDuration: 120 } },
    Slider: { defaultProps: { size: 'sm' } },
    Switch: { defaultProps: { size: 'xs' } },
    TextInput: { defaultProps: { size: 'xs' } },
  },
});
