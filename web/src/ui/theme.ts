import { type BrandVariants, createDarkTheme, createLightTheme, type Theme } from '@fluentui/react-components'
import { STATUSES } from '../lib/model'
import { PALETTE, PHONE, SURFACES, type ThemeName } from '../lib/palette'

/** A quiet green-blue; the amber of a lit door stays for the logo. */
const brand: BrandVariants = {
  10: '#020706',
  20: '#0b1f1c',
  30: '#0d332e',
  40: '#0b423b',
  50: '#0a5149',
  60: '#0a6157',
  70: '#0d7166',
  80: '#0f766b',
  90: '#2b8d81',
  100: '#47a195',
  110: '#5fb3a8',
  120: '#78c4ba',
  130: '#92d3cb',
  140: '#aee0da',
  150: '#caece8',
  160: '#e6f6f4',
}

const shared = {
  fontFamilyBase:
    "'Segoe UI Variable', 'Segoe UI', system-ui, -apple-system, Roboto, 'Noto Sans', 'DejaVu Sans', sans-serif",
}

/** Statuses as custom properties, --st-busy-fill and so on: the palette stands in one place and is tested there. */
function inks(theme: ThemeName): Record<string, string> {
  const out: Record<string, string> = {
    '--': '',
    'st-phone-fill': PHONE[theme].fill,
    'st-phone-sign': PHONE[theme].sign,
  }
  delete out['--']
  for (const s of STATUSES)
    for (const [part, colour] of Object.entries(PALETTE[theme][s])) out[`st-${s}-${part}`] = colour
  const [page, card, hover, chosen] = SURFACES[theme]
  return { ...out, 'dl-page': page ?? '', 'dl-card': card ?? '', 'dl-hover': hover ?? '', 'dl-chosen': chosen ?? '' }
}

export const themes: Record<ThemeName, Theme> = {
  light: {
    ...createLightTheme(brand),
    ...shared,
    colorNeutralForeground1: '#1d2321',
    colorNeutralForeground2: '#3a4240',
    colorNeutralForeground3: '#566160',
    colorNeutralStroke2: '#dfe3e0',
    colorNeutralStroke3: '#e8ebe9',
    ...inks('light'),
  },
  dark: {
    ...createDarkTheme(brand),
    ...shared,
    colorNeutralBackground1: '#1f2221',
    colorNeutralBackground1Hover: '#282c2a',
    colorNeutralBackground2: '#1a1d1c',
    colorNeutralForeground2: '#ccd2cf',
    colorNeutralForeground3: '#a3aca8',
    colorNeutralStroke2: '#363b39',
    colorNeutralStroke3: '#2d3230',
    colorBrandForeground1: brand[120],
    colorBrandForeground2: brand[130],
    colorBrandForegroundLink: brand[120],
    colorBrandBackground: brand[110],
    colorBrandBackgroundHover: brand[120],
    colorBrandBackgroundPressed: brand[100],
    colorCompoundBrandForeground1: brand[120],
    colorCompoundBrandStroke: brand[120],
    colorCompoundBrandBackground: brand[110],
    colorCompoundBrandBackgroundHover: brand[120],
    colorNeutralForegroundOnBrand: brand[10],
    ...inks('dark'),
  },
}
